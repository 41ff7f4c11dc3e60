#include "hardware_address.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int cpbuild_hardware_address(const char *name, unsigned char *address) {
  struct ifreq request = {0};
  if (strlen(name) >= sizeof request.ifr_name) return ENAMETOOLONG;
  strcpy(request.ifr_name, name);
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  int code = ioctl(descriptor, SIOCGIFHWADDR, &request) == 0 ? 0 : errno;
  close(descriptor);
  if (code == 0) memcpy(address, request.ifr_hwaddr.sa_data, 6);
  return code;
}
