//! What a certificate's key may be used for.

/// The bits of the key usage extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsages {
    /// Bit 0 of RFC 5280 section 4.2.1.3 is the lowest bit here.
    pub(crate) bits: u16,
}

impl KeyUsages {
    /// May sign data other than certificates and revocation lists.
    pub fn digital_signature(self) -> bool {
        self.bits & 1 != 0
    }

    /// May encrypt keys, as RSA key exchange does.
    pub fn key_encipherment(self) -> bool {
        self.bits & (1 << 2) != 0
    }

    /// May sign certificates.
    pub fn key_cert_sign(self) -> bool {
        self.bits & (1 << 5) != 0
    }

    /// May sign revocation lists.
    pub fn crl_sign(self) -> bool {
        self.bits & (1 << 6) != 0
    }
}

/// A purpose listed in the extended key usage extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtendedKeyUsage {
    /// TLS server.
    ServerAuth,
    /// TLS client.
    ClientAuth,
    /// Any other purpose, by the numbers of its object identifier.
    Other(Vec<u64>),
}

impl ExtendedKeyUsage {
    pub(crate) fn oid(&self) -> &[u64] {
        match self {
            Self::ServerAuth => SERVER_AUTH,
            Self::ClientAuth => CLIENT_AUTH,
            Self::Other(oid) => oid,
        }
    }

    pub(crate) fn from_oid(oid: Vec<u64>) -> Self {
        match oid.as_slice() {
            SERVER_AUTH => Self::ServerAuth,
            CLIENT_AUTH => Self::ClientAuth,
            _ => Self::Other(oid),
        }
    }
}

const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
