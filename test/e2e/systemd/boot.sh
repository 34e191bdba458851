#!/bin/bash
# Boots the machine's own systemd in namespaces of its own, on a copy of / that is gone afterwards, and runs a script in it:
# unshare … bash boot.sh WORK, where WORK is an empty folder of root's with the files that go over / in WORK/files and the script in WORK/probe.sh.
# What the script prints is in WORK/probe.out.
set -e
work=$1
root=$work/root
mount --make-rprivate /
mkdir "$work/over" "$root"
mount -t tmpfs tmpfs "$work/over"
mkdir "$work/over/upper" "$work/over/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/over/upper,workdir=$work/over/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/sys/fs/cgroup" && umount "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mkdir "$root/run/lab"
mount --bind "$work" "$root/run/lab"
# Nothing of this machine starts there.
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/systemd/system/default.target"
cp -a "$work/files/." "$root/"
units=$root/usr/lib/systemd/system
printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'Wants=probe.service' >"$units/lab.target"
printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'SuccessAction=poweroff-force' 'FailureAction=poweroff-force' \
  '[Service]' 'Type=oneshot' 'ExecStart=/bin/bash /run/lab/probe.sh' \
  'StandardOutput=file:/run/lab/probe.out' 'StandardError=inherit' 'TimeoutStartSec=50' >"$units/probe.service"
export container=lab
exec chroot "$root" /lib/systemd/systemd --system --unit=lab.target --log-target=null --show-status=0
