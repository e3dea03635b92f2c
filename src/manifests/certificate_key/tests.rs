//! Encryption, against what kubeadm uploaded and the published vector.

#![allow(clippy::unwrap_used)]

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// What kubeadm 1.36.2 uploaded as `sa.pub` under that key.
const SEALED: &str = "EPor0kONUW+fmOJgE+RNSZBw73w9b6s6QbFYh22D9aLE6GPSX+oAgav58oHYiWS1iS3ViEbNHBC9o1ACrlL5VjlmesThZuPqYSEB\
wcDAopDNkDRRASnK0q/Prc3lFLPO7Z7vQ60K8lcoMgdzWHxJdYgD6sykYgSpla7Pm9JawFd0T/CO3EUigp6wsHqubvQLAeyG9fSy\
eVbs7u4NajdKL1X7Oitc9LC6wq/r0lK0BbAf3ZYG4bdytn33tgxgWZzTsOWAZz94zicE0fEfx7js2i2ClXgQp1X+0f8N1Hp922ql\
en2c9hF7NFxh6imzaens5gtoRpQ2s5i8bE5eb5LDiK0pyy2/Qb2Vfbjmb5pvcy1uBopig+C4+tbHti12/ZYlzatljaAzQe08SzJW\
8M36ZJgwRf3s/55vEcX/M72VfWA04ROpR6ISWDJ8WKbUt0Yx6aKgeVxiRB9dStcX15sG/joeOJyfoVbxNG6hKOET5XgWBAYEsOOH\
7kd9aX6J++I7oLFMNn4KYSV4bgmodAqw4HI3aQUsQPdy8LiG1b6n2qKXfxBucObVhoDfxhLgMK0/FH+8FaWpCiyIQgi5852EJgiT\
NThR1aOXHnN7SAmOyS4SM5bBFpOgPaoxeU9jmeA=";
/// The file that it uploaded.
const PLAIN: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAugeI42X7LsjvWtHPnkGp\n\
JemdpYF+cAi5aLM7rd8dzM6trasTEFhW+00qBWwnuKkKXqIos0U7jJOvCAvez62h\n\
10Y16Kpn4p7FOv9H53zY0O5l8S3iNzv/1i6BqOhZTLmtumjzZlUXqToKbF4GMZgT\n\
ml8ynmPY6IqdfyHw7BkmyaoGQUdLUySY8MdKpLPtZOuayPSOQDeEoEpMVDZEbpen\n\
aPGiOCRlW5a+iksriPuYnWxW3eCXD+Muhv3n3ubGtaBb4eShIrPFZ4Vp9uXLFEJI\n\
EzM/Z/l1xlRMGaZCDpLBiiq48AiSUp0pVAfeXm1Y79T8szUdjyhsoXud229czl4T\n\
zwIDAQAB\n\
-----END PUBLIC KEY-----\n";

fn key() -> CertificateKey {
    CertificateKey::from_str(KEY).unwrap()
}

#[test]
fn reads_what_kubeadm_uploaded() {
    let sealed = BASE64.decode(SEALED).unwrap();
    assert_eq!(decrypt(&key(), &sealed).unwrap().as_slice(), PLAIN.as_bytes());
}

#[test]
fn writes_what_kubeadm_uploads() {
    let sealed = BASE64.decode(SEALED).unwrap();
    let nonce = sealed[..NONCE_LENGTH].try_into().unwrap();
    assert_eq!(encrypt(&key(), &nonce, PLAIN.as_bytes()).unwrap(), sealed);
}

#[test]
fn agrees_with_the_published_vector() {
    // Test case 13 of the cipher's specification: an empty text under a key and nonce of zeros.
    let key = CertificateKey::from_str(&"0".repeat(64)).unwrap();
    let sealed = encrypt(&key, &[0; NONCE_LENGTH], b"").unwrap();
    let tag: String = sealed[NONCE_LENGTH..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(tag, "530f8afbc74536b9a963b4f1c4cb738b");
}

#[test]
fn refuses_another_key_and_short_texts() {
    let sealed = encrypt(&key(), &[1; NONCE_LENGTH], b"text").unwrap();
    let other = CertificateKey::from_str(&"f".repeat(64)).unwrap();
    assert!(decrypt(&other, &sealed).is_err());
    assert!(decrypt(&key(), &sealed[..27]).is_err());
    assert!(decrypt(&key(), b"").is_err());
}

proptest! {
    #[test]
    fn every_text_comes_back_and_no_change_goes_unseen(
        text in prop::collection::vec(any::<u8>(), 0..200), nonce in any::<[u8; NONCE_LENGTH]>(), place in any::<usize>(),
    ) {
        let mut sealed = encrypt(&key(), &nonce, &text).unwrap();
        let plain = decrypt(&key(), &sealed).unwrap();
        prop_assert_eq!(plain.as_slice(), text.as_slice());
        let place = place % sealed.len();
        sealed[place] ^= 1;
        prop_assert!(decrypt(&key(), &sealed).is_err());
    }
}
