#pragma once

/// Writes the six bytes of the Ethernet address of the interface NAME in the calling thread's network namespace
/// (netdevice(7)). Returns 0 or an errno.
int cpbuild_hardware_address(const char *name, unsigned char *address);
