#!/usr/bin/env bash
# Runs the steps of one case where nothing is the machine's: a network with one known address, a host name, and a layer
# over every directory, so that whatever is written is gone afterwards. Called in namespaces of its own by sandbox.rs,
# with CASE (the directory of this run), HOST (the node's name) and VERSION (what the kubelet is said to be).
set -euo pipefail
mount --make-rprivate /
hostname "$HOST"
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set peer0 up
ip link set eth0 up
ip address add 192.0.2.10/24 dev eth0
ip -6 address add 2001:db8::10/64 dev eth0 nodad
ip route add default via 192.0.2.1
ip -6 route add default via 2001:db8::1

mount -t tmpfs box /mnt
mkdir /mnt/case /mnt/layer
mount --bind "$CASE" /mnt/case
for dir in etc home opt root srv tmp usr var; do
  [ -d "/$dir" ] || continue
  mkdir -p "/mnt/layer/$dir/upper" "/mnt/layer/$dir/work"
  mount -t overlay box -o "lowerdir=/$dir,upperdir=/mnt/layer/$dir/upper,workdir=/mnt/layer/$dir/work" "/$dir"
done
# What has no layer is not to be written to at all. Only this namespace's own mount changes.
mount -o remount,bind,ro /
# No runtime's socket, and no name server that could stall.
mount -t tmpfs box /run
echo "nameserver 127.0.0.1" >/etc/resolv.conf
printf '127.0.0.1 localhost\n192.0.2.10 %s\n' "$HOST" >/etc/hosts
# What decides about mounts of the machine's authorities.
rm -rf /etc/kubernetes /etc/pki /var/lib/kubelet /var/lib/etcd /var/lib/kubewright
mkdir -p /etc/ca-certificates /usr/share/ca-certificates /usr/local/share/ca-certificates

cd /mnt/case
mkdir dry
for ((n = 0; ; n++)); do
  [ -e "step$n.sh" ] || break
  status=0
  env -i PATH=/mnt/case/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root VERSION="$VERSION" \
    KUBEADM_INIT_DRYRUN_DIR=/mnt/case/dry KUBEADM_JOIN_DRYRUN_DIR=/mnt/case/dry \
    timeout -k 5 100 bash "step$n.sh" >"step$n.stdout" 2>"step$n.stderr" || status=$?
  echo "$status" >"step$n.status"
done

mkdir files
for layer in /mnt/layer/*; do
  dir=$(basename "$layer")
  (cd "$layer/upper" && find . -type f -not -path './hosts' -not -path './resolv.conf' -not -path './lib/kubewright/*' \
    -exec mkdir -p "/mnt/case/files/$dir" \; -exec cp -a --parents -t "/mnt/case/files/$dir" {} +)
done
