//! The messages of etcd's API v3 that are used here, each with only the fields that are read or set. The tags are those
//! of `etcdserverpb` in etcd's `rpc.proto`; a decoder passes over fields that it does not know.

/// `ResponseHeader`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    pub(crate) member_id: u64,
}

/// `RangeRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(bool, tag = "9")]
    pub(crate) count_only: bool,
}

/// `RangeResponse`, of which only that it came counts
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RangeResponse {}

/// `Member`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Member {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) client_urls: Vec<String>,
    #[prost(bool, tag = "5")]
    pub(crate) is_learner: bool,
}

/// `MemberListRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberListRequest {
    /// Since 3.5; before, see `Connection::reach`.
    #[prost(bool, tag = "1")]
    pub(crate) linearizable: bool,
}

/// `MemberListResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberListResponse {
    #[prost(message, repeated, tag = "2")]
    pub(crate) members: Vec<Member>,
}

/// `MemberAddRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberAddRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) peer_urls: Vec<String>,
    #[prost(bool, tag = "2")]
    pub(crate) is_learner: bool,
}

/// `MemberAddResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberAddResponse {
    #[prost(message, repeated, tag = "3")]
    pub(crate) members: Vec<Member>,
}

/// `MemberPromoteRequest` and `MemberRemoveRequest`: both have the number at tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
}

/// `MemberPromoteResponse` and `MemberRemoveResponse`, of which only that they came counts
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberResponse {}

/// `StatusRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusRequest {}

/// `StatusResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(int64, tag = "3")]
    pub(crate) db_size: i64,
    #[prost(uint64, tag = "4")]
    pub(crate) leader: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) raft_applied_index: u64,
    #[prost(string, repeated, tag = "8")]
    pub(crate) errors: Vec<String>,
    #[prost(bool, tag = "10")]
    pub(crate) is_learner: bool,
}

/// `SnapshotRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SnapshotRequest {}

/// `SnapshotResponse`: one part of a copy
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SnapshotResponse {
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) blob: Vec<u8>,
}
