# cpbuild. The two commands that matter are 'make demo' and 'make test'; both do all the set-up themselves.

# Where 'make install' puts things.
PREFIX ?= /usr/local
DESTDIR ?=

# The folder with Swift's programs; found when it isn't named.
SWIFT_BIN ?= $(shell scripts/toolchain)
SWIFT = $(SWIFT_BIN)/swift

# A kernel for libguestfs's appliance, where the machine has none of its own, as in a container. One that is there and
# can't be read, as for Ubuntu's ordinary users, is for 'cpbuild doctor' to speak of: another would be no more readable.
KERNEL_PACKAGE = $(shell for k in /boot/vmlinuz-*; do [ -e "$$k" ] && exit; done; echo "'linux-image-cloud-amd64|linux-image-virtual'")

# What it takes to compile (g++ for the release's own C and C++ headers, which Swift's importer reads),
BUILD_PACKAGES = g++ git 'pkg-config|pkgconf' libarchive-dev libguestfs-dev libsqlite3-dev libssl-dev zlib1g-dev
# to build images and launch instances,
RUN_PACKAGES = apt-utils curl dnsmasq-base dosfstools e2fsprogs fdisk gpg gpgv openssh-client openvpn grub-common grub-efi-amd64-bin \
  grub-pc-bin iproute2 mmdebstrap mtools nftables qemu-system-x86 qemu-utils uidmap util-linux $(KERNEL_PACKAGE)
# and to test and measure all that.
TEST_PACKAGES = binutils btrfs-progs busybox-static cryptsetup-bin easy-rsa gnutls-bin guestfish guestfs-tools lvm2 mawk mount \
  netcat-openbsd ovmf procps python3 python3-cryptography shellcheck unzip wget zip

# A real OpenStack, of which the tests start one on loopback. Among what comes with it is a program called swift, which
# is no compiler; see scripts/toolchain.
OPENSTACK_PACKAGES = glance-api keystone neutron-server nova-api nova-conductor nova-scheduler placement-api \
  python3-openstackclient uwsgi-plugin-python3

# The same with instances that run.
HYPERVISOR_PACKAGES = conntrack ebtables haproxy iptables iputils-arping libvirt-daemon-system mariadb-server \
  neutron-dhcp-agent neutron-l3-agent neutron-linuxbridge-agent neutron-metadata-agent python3-libvirt python3-pymysql \
  rabbitmq-server

.PHONY: help demo test test-openstack test-openstack-instance bench build deps deps-build deps-run toolchain install install-units format lint lint-swift lint-shell clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo     install what is missing, build, and make the image, and show a cloudpipe's life'
	@echo 'make test     install what is missing, build, and run every test'
	@echo 'make test-openstack  those tests only that need a real OpenStack'
	@echo 'make test-openstack-instance  the image in an OpenStack with a hypervisor, from publication to a client'
	@echo 'make deps     install what is missing, with apt'
	@echo 'make build    compile in release mode: .build/release/cpbuild'
	@echo 'make install  program, man page, completions and systemd units to $$DESTDIR$$PREFIX ($(DESTDIR)$(PREFIX))'
	@echo 'make bench    measure, side by side with what people would use instead'
	@echo 'make format   format the Swift sources;  make lint checks them and the shell scripts'
	@echo 'make clean    remove what was compiled (artifacts in out/ stay)'

# Only the networks need root.
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
demo: deps-run build
	.build/release/cpbuild image
	$(AS_ROOT) .build/release/cpbuild demo
	@echo
	@echo "The image is in out/images/$$(cat out/vpn_image_id). To go on:"
	@echo '  sudo .build/release/cpbuild launch acme    a cloudpipe of your own'
	@echo '  .build/release/cpbuild image list          every image'
	@echo '  .build/release/cpbuild doctor              what this machine can do'
	@echo '  make install                               put cpbuild on PATH'

# One target after the other, quickest first: all at once they'd take the two cores from one another until something
# that waits for an answer gives up. The test runner's own summary is the last thing to be printed.
TEST_TARGETS = NamesTests HostTests CommandLineTests PayloadTests TrustTests StateTests CloudsTests LaunchingTests \
  ImageBuildingTests FuzzingTests GuestScriptTests ListeningTests ServingTests \
  OpenStackTests $(if $(wildcard Tests/EndToEnd/*.swift),EndToEnd)
test: toolchain deps lint
	$(SWIFT) build --build-tests
	@scripts/run-tests '$(SWIFT)' $(TEST_TARGETS)

test-openstack: toolchain deps
	$(SWIFT) build --build-tests
	@scripts/run-tests '$(SWIFT)' OpenStackTests

# The program as it is released, with its own image. Needs root, and some 60 MB of packages that no other test needs.
test-openstack-instance: build deps
	@scripts/install-packages $(HYPERVISOR_PACKAGES)
	.build/release/cpbuild image
	@$(AS_ROOT) python3 Tests/OpenStackTests/Fixture/instance_scenario.py .build/release/cpbuild out .build

bench: toolchain deps
	$(SWIFT) build -c release
	Benchmarks/run

build: toolchain deps-build
	$(SWIFT) build -c release --product cpbuild

# 'make deps' takes no time when all is there. The narrower ones are for those who build or run only.
deps:
	@scripts/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES) $(OPENSTACK_PACKAGES)
deps-build:
	@scripts/install-packages $(BUILD_PACKAGES)
deps-run:
	@scripts/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES)

toolchain:
	@[ -n "$(SWIFT_BIN)" ]

# Man page and completions are generated from the commands themselves.
install: build install-units
	$(SWIFT) package plugin generate-manual
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' \
	  '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DESTDIR)$(PREFIX)/share/zsh/site-functions' \
	  '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d'
	install -m 755 .build/release/cpbuild '$(DESTDIR)$(PREFIX)/bin/cpbuild'
	install -d '$(DESTDIR)$(PREFIX)/share/cpbuild'
	cp -R image-recipes overlays '$(DESTDIR)$(PREFIX)/share/cpbuild/'
	install -m 644 .build/plugins/GenerateManual/outputs/cpbuild/cpbuild.1 '$(DESTDIR)$(PREFIX)/share/man/man1/cpbuild.1'
	.build/release/cpbuild --generate-completion-script bash \
	  > '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/cpbuild'
	.build/release/cpbuild --generate-completion-script zsh \
	  > '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_cpbuild'
	.build/release/cpbuild --generate-completion-script fish \
	  > '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/cpbuild.fish'

# Cloudpipes that come back with the machine, and revocation lists that are renewed: 'systemctl enable --now cpbuild.service
# cpbuild-renew.timer'. Lists that are served to a cloud's instances: cpbuild-serve.service.
install-units:
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	for unit in dist/*.service dist/*.timer; do \
	  sed 's|@PREFIX@|$(PREFIX)|' "$$unit" > '$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}" || exit; \
	done

SWIFT_SOURCES = $(wildcard Package.swift Sources Tests Benchmarks)

format: toolchain
	$(SWIFT) format --in-place --recursive --parallel --configuration .swift-format $(SWIFT_SOURCES)

# Warnings of the compiler are errors in every build (Package.swift).
lint: lint-swift lint-shell

lint-swift: toolchain
	$(SWIFT) format lint --strict --recursive --parallel --configuration .swift-format $(SWIFT_SOURCES)

lint-shell:
	scripts/lint-shell

clean:
	rm -rf .build
