#!/usr/bin/env bash
# A node's first process, started in namespaces of its own: mounts what is private to the node, runs containerd, and
# runs the kubelet as systemd would with kubeadm's drop-in (10-kubeadm.conf).
# Needs: NODE_DIR, NODE_NAME, NODE_KUBERNETES (binaries), NODE_PRIVATE (directories), NODE_CGROUPS (see cgroup.rs).
set -euo pipefail

mount --make-rprivate /
hostname "$NODE_NAME"

# The node's own cgroup tree at its root: two kubelets on one tree kill each other's pods.
read -r hierarchy mounts <<<"$NODE_CGROUPS"
if [ "$hierarchy" = v1 ]; then
  mount -t tmpfs none /sys/fs/cgroup
  for m in $mounts; do
    at=/sys/fs/cgroup/${m%%:*} options=${m#*:}
    mkdir "$at" && mount -t cgroup -o "$options" cgroup "$at"
    # Controllers mounted together are also known by their single names.
    case $options in *=*) ;; *,*) for c in ${options//,/ }; do ln -s "${m%%:*}" "/sys/fs/cgroup/$c"; done ;; esac
  done
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # A group that passes controllers on must hold no process itself.
  mkdir -p /sys/fs/cgroup/init
  for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$p" >/sys/fs/cgroup/init/cgroup.procs; done
  for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" >/sys/fs/cgroup/cgroup.subtree_control; done
fi

for d in $NODE_PRIVATE; do mount --bind "$NODE_DIR/root$d" "$d"; done
mount --make-rshared /var/lib/kubelet
mkdir -p /run/lock /run/netns
for f in hosts resolv.conf; do
  # The name may be a link into the machine's /run, which is no longer in sight.
  at=$(readlink -m "/etc/$f"); mkdir -p "$(dirname "$at")"; [ -e "$at" ] || touch "$at"
  mount --bind "$NODE_DIR/$f" "$at"
done

export PATH="$NODE_KUBERNETES:$PATH"
containerd --config "$NODE_DIR/containerd.toml" >>"$NODE_DIR/containerd.log" 2>&1 &
echo $$ >"$NODE_DIR/pid"

# kubelet.service: Restart=always; ExecStart with the files that kubeadm writes. `systemctl` beside this script makes and
# removes kubelet.wanted. A unit without its configuration would crash and be tried again: waiting is the same.
while true; do
  if [ -e "$NODE_DIR/kubelet.wanted" ] && [ -e /var/lib/kubelet/config.yaml ]; then
    KUBELET_KUBEADM_ARGS='' KUBELET_EXTRA_ARGS=''
    for f in /var/lib/kubelet/kubeadm-flags.env "$NODE_DIR/default-kubelet"; do
      # shellcheck disable=SC1090
      if [ -e "$f" ]; then . "$f"; fi
    done
    # shellcheck disable=SC2086
    kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf \
      --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS >>"$NODE_DIR/kubelet.log" 2>&1 &
    echo $! >"$NODE_DIR/kubelet.pid"
    status=0; wait $! || status=$?
    echo "lab: kubelet ended with status $status" >>"$NODE_DIR/kubelet.log"
    rm -f "$NODE_DIR/kubelet.pid"
  fi
  sleep .1
done
