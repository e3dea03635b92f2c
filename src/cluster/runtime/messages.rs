//! The messages of CRI v1 that are used here, each with only the fields that are read or set. The tags are those of
//! `runtime.v1` in the public CRI API; a decoder passes over fields that it does not know.

use std::collections::HashMap;

/// `VersionRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VersionRequest {}

/// `VersionResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VersionResponse {
    #[prost(string, tag = "2")]
    pub(super) runtime_name: String,
    #[prost(string, tag = "3")]
    pub(super) runtime_version: String,
}

/// `StatusRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusRequest {
    #[prost(bool, tag = "1")]
    pub(super) verbose: bool,
}

/// `StatusResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<RuntimeStatus>,
    #[prost(map = "string, string", tag = "2")]
    pub(super) info: HashMap<String, String>,
}

/// `RuntimeStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RuntimeStatus {
    #[prost(message, repeated, tag = "1")]
    pub(super) conditions: Vec<RuntimeCondition>,
}

/// `RuntimeCondition`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RuntimeCondition {
    #[prost(string, tag = "1")]
    pub(super) r#type: String,
    #[prost(bool, tag = "2")]
    pub(super) status: bool,
    #[prost(string, tag = "3")]
    pub(super) reason: String,
    #[prost(string, tag = "4")]
    pub(super) message: String,
}

/// `RuntimeConfigRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RuntimeConfigRequest {}

/// `RuntimeConfigResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RuntimeConfigResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) linux: Option<LinuxRuntimeConfiguration>,
}

/// `LinuxRuntimeConfiguration`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LinuxRuntimeConfiguration {
    #[prost(enumeration = "CgroupDriver", tag = "1")]
    pub(super) cgroup_driver: i32,
}

/// `CgroupDriver`
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum CgroupDriver {
    Systemd = 0,
    Cgroupfs = 1,
}

/// `ImageSpec`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageSpec {
    #[prost(string, tag = "1")]
    pub(super) image: String,
}

/// `ImageStatusRequest`, and `PullImageRequest` without credentials: both have the image at tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) image: Option<ImageSpec>,
}

/// `ImageStatusResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) image: Option<Image>,
}

/// `Image`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Image {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

/// `PullImageResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PullImageResponse {
    #[prost(string, tag = "1")]
    pub(super) image_ref: String,
}

/// `ListContainersRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListContainersRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) filter: Option<ContainerFilter>,
}

/// `ContainerFilter`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerFilter {
    #[prost(map = "string, string", tag = "4")]
    pub(super) label_selector: HashMap<String, String>,
}

/// `ListContainersResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Container>,
}

/// `Container`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "3")]
    pub(super) metadata: Option<ContainerMetadata>,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "7")]
    pub(super) created_at: i64,
    /// The kubelet notes here whose it is.
    #[prost(map = "string, string", tag = "8")]
    pub(super) labels: HashMap<String, String>,
}

/// `ContainerMetadata`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(uint32, tag = "2")]
    pub(super) attempt: u32,
}

/// `ContainerState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ContainerState {
    Created = 0,
    Running = 1,
    Exited = 2,
    Unknown = 3,
}

/// `ContainerStatusRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerStatusRequest {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
}

/// `ContainerStatusResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<ContainerStatus>,
}

/// `ContainerStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerStatus {
    #[prost(enumeration = "ContainerState", tag = "3")]
    pub(super) state: i32,
    /// Nanoseconds since 1970; 0 before it was started.
    #[prost(int64, tag = "5")]
    pub(super) started_at: i64,
    #[prost(int32, tag = "7")]
    pub(super) exit_code: i32,
    #[prost(string, tag = "15")]
    pub(super) log_path: String,
}

/// `ListPodSandboxRequest` without a filter
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListPodSandboxRequest {}

/// `ListPodSandboxResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListPodSandboxResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<PodSandbox>,
}

/// `PodSandbox`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodSandbox {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<PodSandboxMetadata>,
}

/// `PodSandboxMetadata`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
}

/// `StopPodSandboxRequest` and `RemovePodSandboxRequest`: both have the sandbox at tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodSandboxRequest {
    #[prost(string, tag = "1")]
    pub(super) pod_sandbox_id: String,
}

/// `StopPodSandboxResponse` and `RemovePodSandboxResponse`, which are empty.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodSandboxAnswer {}

/// `StopContainerRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StopContainerRequest {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
    /// Seconds until it is killed.
    #[prost(int64, tag = "2")]
    pub(super) timeout: i64,
}

/// `StopContainerResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StopContainerResponse {}

/// `RunPodSandboxRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RunPodSandboxRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) config: Option<PodSandboxConfig>,
}

/// `RunPodSandboxResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RunPodSandboxResponse {
    #[prost(string, tag = "1")]
    pub(super) pod_sandbox_id: String,
}

/// `PodSandboxConfig`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodSandboxConfig {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<NewPodSandboxMetadata>,
    #[prost(string, tag = "3")]
    pub(super) log_directory: String,
    #[prost(message, optional, tag = "8")]
    pub(super) linux: Option<LinuxPodSandboxConfig>,
}

/// `PodSandboxMetadata` as it is sent: the runtime wants a number that is unique.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NewPodSandboxMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) uid: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
}

/// `LinuxPodSandboxConfig`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LinuxPodSandboxConfig {
    #[prost(string, tag = "1")]
    pub(super) cgroup_parent: String,
    #[prost(message, optional, tag = "2")]
    pub(super) security_context: Option<LinuxSandboxSecurityContext>,
}

/// `LinuxSandboxSecurityContext`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LinuxSandboxSecurityContext {
    #[prost(message, optional, tag = "1")]
    pub(super) namespace_options: Option<NamespaceOption>,
}

/// `NamespaceOption`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NamespaceOption {
    #[prost(enumeration = "NamespaceMode", tag = "1")]
    pub(super) network: i32,
    #[prost(enumeration = "NamespaceMode", tag = "2")]
    pub(super) pid: i32,
}

/// `NamespaceMode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum NamespaceMode {
    Pod = 0,
    Container = 1,
    Node = 2,
}

/// `CreateContainerRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateContainerRequest {
    #[prost(string, tag = "1")]
    pub(super) pod_sandbox_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    pub(super) sandbox_config: Option<PodSandboxConfig>,
}

/// `CreateContainerResponse`, and `StartContainerRequest`: both have the container at tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerId {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
}

/// `StartContainerResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StartContainerResponse {}

/// `ContainerConfig`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "2")]
    pub(super) image: Option<ImageSpec>,
    #[prost(string, repeated, tag = "3")]
    pub(super) command: Vec<String>,
    #[prost(message, repeated, tag = "7")]
    pub(super) mounts: Vec<Mount>,
    #[prost(string, tag = "11")]
    pub(super) log_path: String,
    #[prost(message, optional, tag = "15")]
    pub(super) linux: Option<LinuxContainerConfig>,
}

/// `Mount`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Mount {
    #[prost(string, tag = "1")]
    pub(super) container_path: String,
    #[prost(string, tag = "2")]
    pub(super) host_path: String,
    #[prost(bool, tag = "3")]
    pub(super) readonly: bool,
}

/// `LinuxContainerConfig`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LinuxContainerConfig {
    #[prost(message, optional, tag = "2")]
    pub(super) security_context: Option<LinuxContainerSecurityContext>,
}

/// `LinuxContainerSecurityContext`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LinuxContainerSecurityContext {
    #[prost(message, optional, tag = "3")]
    pub(super) namespace_options: Option<NamespaceOption>,
    #[prost(message, optional, tag = "5")]
    pub(super) run_as_user: Option<Int64Value>,
}

/// `Int64Value`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Int64Value {
    #[prost(int64, tag = "1")]
    pub(super) value: i64,
}
