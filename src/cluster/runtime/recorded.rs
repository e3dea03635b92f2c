//! Messages in base64 as `protoc --encode=runtime.v1.…` wrote them from the public CRI API (`api.proto` of
//! Kubernetes 1.36), so that a wrong tag in our own messages cannot agree with itself. Above each, the text it was given.

// `VersionResponse`: version:"0.1.0" runtime_name:"containerd" runtime_version:"2.1.0" runtime_api_version:"v1"
pub(super) const VERSION: &str = "CgUwLjEuMBIKY29udGFpbmVyZBoFMi4xLjAiAnYx";

// `StatusRequest`: verbose:true
pub(super) const VERBOSE: &str = "CAE=";

// `StatusResponse`: status{conditions{type:"RuntimeReady" status:true} conditions{type:"NetworkReady"
// reason:"NetworkPluginNotReady" message:"no CNI"}} info{key:"config"
// value:"{\"sandboxImage\":\"registry.k8s.io/pause:3.10\",\"x\":1}"} features{supplemental_groups_policy:true}
pub(super) const READY: &str = "\
    CkEKEAoMUnVudGltZVJlYWR5EAEKLQoMTmV0d29ya1JlYWR5GhVOZXR3b3JrUGx1Z2luTm90UmVhZHkiBm5vIENOSRI9CgZjb25maWcSM3sic2Fu\
    ZGJveEltYWdlIjoicmVnaXN0cnkuazhzLmlvL3BhdXNlOjMuMTAiLCJ4IjoxfSICCAE=";

// `StatusResponse`: status{conditions{type:"RuntimeReady" reason:"Broken" message:"disk"}}
pub(super) const BROKEN: &str = "Ch4KHAoMUnVudGltZVJlYWR5GgZCcm9rZW4iBGRpc2s=";

// `RuntimeConfigResponse`: linux{cgroup_driver:CGROUPFS}
pub(super) const CGROUPFS: &str = "CgIIAQ==";

// `RuntimeConfigResponse`: linux{cgroup_driver:SYSTEMD}
pub(super) const SYSTEMD: &str = "CgA=";

// `ImageStatusRequest`: image{image:"registry.k8s.io/pause:3.10"}
pub(super) const IMAGE: &str = "ChwKGnJlZ2lzdHJ5Lms4cy5pby9wYXVzZTozLjEw";

// `PullImageRequest`: image{image:"registry.k8s.io/pause:3.10"}
pub(super) const IMAGE_PULL: &str = "ChwKGnJlZ2lzdHJ5Lms4cy5pby9wYXVzZTozLjEw";

// `ImageStatusResponse`: image{id:"sha256:00" repo_tags:"registry.k8s.io/pause:3.10" size:7 uid{value:65535}
// spec{image:"x"} pinned:true}
pub(super) const PRESENT: &str = "CjYKCXNoYTI1NjowMBIacmVnaXN0cnkuazhzLmlvL3BhdXNlOjMuMTAgByoECP//AzoDCgF4QAE=";

// `PullImageResponse`: image_ref:"sha256:00"
pub(super) const PULLED: &str = "CglzaGEyNTY6MDA=";

// `ListContainersRequest`: filter{label_selector{key:"io.kubernetes.pod.namespace" value:"kube-system"}}
pub(super) const OF_KUBE_SYSTEM: &str = "CiwiKgobaW8ua3ViZXJuZXRlcy5wb2QubmFtZXNwYWNlEgtrdWJlLXN5c3RlbQ==";

// `ListContainersResponse`: containers{id:"old" pod_sandbox_id:"p" metadata{name:"etcd" attempt:1}
// image{image:"e"} state:CONTAINER_EXITED created_at:100 labels{key:"a" value:"b"}} containers{id:"new"
// metadata{name:"etcd" attempt:2} state:CONTAINER_RUNNING created_at:200} containers{id:"gone"
// metadata{name:"coredns"} created_at:50} containers{id:"api" metadata{name:"kube-apiserver" attempt:3}
// state:CONTAINER_EXITED created_at:60}
pub(super) const CONTAINERS: &str = "\
    CiMKA29sZBIBcBoICgRldGNkEAEiAwoBZTACOGRCBgoBYRIBYgoUCgNuZXcaCAoEZXRjZBACMAE4yAEKEwoEZ29uZRoJCgdjb3JlZG5zODIKHQoD\
    YXBpGhIKDmt1YmUtYXBpc2VydmVyEAMwAjg8";

// `ContainerStatusRequest`: container_id:"new"
pub(super) const ID_OF_ETCD: &str = "CgNuZXc=";

// `ContainerStatusRequest`: container_id:"api"
pub(super) const ID_OF_APISERVER: &str = "CgNhcGk=";

// `ContainerStatusResponse`: status{id:"new" metadata{name:"etcd" attempt:2} state:CONTAINER_RUNNING
// created_at:200 started_at:201 image{image:"e"} log_path:"/var/log/pods/etcd/2.log"}
pub(super) const ETCD: &str = "CjYKA25ldxIICgRldGNkEAIYASDIASjJAUIDCgFlehgvdmFyL2xvZy9wb2RzL2V0Y2QvMi5sb2c=";

// `ContainerStatusResponse`: status{id:"api" metadata{name:"kube-apiserver" attempt:3} state:CONTAINER_EXITED
// exit_code:137 reason:"Error" message:"m"}
pub(super) const APISERVER: &str = "CigKA2FwaRISCg5rdWJlLWFwaXNlcnZlchADGAI4iQFSBUVycm9yWgFt";

// The rest is encoded by hand from `api.proto`, field by field.
// `ListPodSandboxResponse`: items{id:"2" metadata{name:"web" uid:"u2" namespace:"default" attempt:1} state:SANDBOX_NOTREADY
// created_at:7 labels{key:"a" value:"b"} runtime_handler:"runc"} items{id:"1" metadata{name:"etcd-n" uid:"u1"
// namespace:"kube-system"} state:SANDBOX_READY created_at:7 labels{key:"a" value:"b"} runtime_handler:"runc"}
pub(super) const SANDBOXES: &str = "\
    CisKATISFAoDd2ViEgJ1MhoHZGVmYXVsdCABGAEgByoGCgFhEgFiOgRydW5jCjIKATESGwoGZXRjZC1uEgJ1MRoLa3ViZS1zeXN0ZW0gABgAIAcq\
    BgoBYRIBYjoEcnVuYw==";

// `StopPodSandboxRequest` and `RemovePodSandboxRequest`: pod_sandbox_id:"1"
pub(super) const SANDBOX: &str = "CgEx";
