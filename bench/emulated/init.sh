#!/bin/busybox sh
# The first process of the emulated machine: runs the bench in its folder, with the words that the kernel was given, and
# hands the results over on the second serial line. `NODE` comes from the kernel, too.
b=/bin/busybox
$b mkdir -p /proc /sys /dev /tmp /run /var/log/nginx /var/lib/nginx
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
$b ip link set lo up
ulimit -n 20000
export PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/tmp SLUICE_BENCH_EMULATED=yes
cd "${0%/bench/emulated/init.sh}" || exit
"$NODE" --import tsx bench/main.ts "$@" --output /tmp/results && $b cat /tmp/results/results.json > /dev/ttyS1
$b poweroff -f
