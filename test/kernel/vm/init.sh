#!/bin/busybox sh
# Process 1 of the virtual machine: makes a small system, runs /command, and says how it ended behind a mark on its output.
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin HOME=/root TERM=dumb
mkdir -p /proc /sys /dev /run /tmp /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
ln -s /proc/self/fd /dev/fd
hostname vm
. /settings

for module in $MODULES; do
  case $module in
    zram) insmod /modules/zram.ko num_devices=0 ;;
    *) insmod "/modules/$module.ko" ;;
  esac
done

case $SWAP in
  zram)
    number=$(cat /sys/class/zram-control/hot_add)
    echo "$SWAP_BYTES" >"/sys/block/zram$number/disksize"
    device=/dev/zram$number
    ;;
  disk) device=/dev/vda ;;
esac
if [ "$SWAP" != none ]; then mkswap "$device" >/dev/null && swapon "$device"; fi

port() {
  for entry in /sys/class/virtio-ports/*; do
    if [ "$(cat "$entry/name" 2>/dev/null)" = "$1" ]; then echo "/dev/${entry##*/}"; fi
  done
}
# The host announces its ports one by one, after the driver is there.
until [ -e "$(port stdin)" ] && [ -e "$(port stdout)" ] && [ -e "$(port stderr)" ]; do usleep 10000; done
# A port can be open once, so it stays open here for all.
exec 3<"$(port stdin)" 4>"$(port stdout)" 5>"$(port stderr)"
sh /command <&3 >&4 2>&5 3<&- 4>&- 5>&-
status=$?
echo "$MARK $status" >&4
echo "$MARK 0" >&5
poweroff -f
