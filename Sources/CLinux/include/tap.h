#pragma once

/// Opens the tap device NAME of the network namespace that the file SPACE keeps (netdevice(7); the kernel's
/// Documentation/networking/tuntap.rst), for frames with a virtio header; without SPACE one in a namespace of its own, which ends
/// with it. Returns a descriptor, or a negated errno.
int cpbuild_open_tap(const char *space, const char *name);
