"""Nova's API, metadata, conductor, scheduler and compute as one process, whose messages need no broker then."""

import sys

import nova.monkey_patch  # noqa: F401  before anything else
from nova import config, objects, service
from nova.compute import rpcapi as compute
from nova.conductor import rpcapi as conductor
from nova.scheduler import rpcapi as scheduler
import nova.conf
import os_vif
from oslo_log import log
from oslo_service import service as processes

config.parse_args(["nova", *sys.argv[1:]])
log.setup(nova.conf.CONF, "nova")
objects.register_all()
os_vif.initialize()
launcher = processes.ServiceLauncher(nova.conf.CONF)
for binary, topic in (
    ("nova-conductor", conductor.RPC_TOPIC),
    ("nova-scheduler", scheduler.RPC_TOPIC),
    ("nova-compute", compute.RPC_TOPIC),
):
    launcher.launch_service(service.Service.create(binary=binary, topic=topic))
for name in ("osapi_compute", "metadata"):
    launcher.launch_service(service.WSGIService(name))
launcher.wait()
