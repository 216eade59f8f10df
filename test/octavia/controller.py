# SPDX-License-Identifier: Apache-2.0
"""
A controller as Octavia's worker is one, for tests: its configuration, its engine, its data models.

Reads requests from standard input and answers on standard output, a JSON object a line each. Ends
when its input does.
"""
import contextlib
import json
import os
import signal
import sys
import traceback

from octavia.common import base_taskflow
from octavia.common import config as octavia_config
from octavia.common import data_models
from octavia.network import data_models as network_models
from octavia.network.drivers.noop_driver import driver as noop_network
from oslo_config import cfg
from taskflow import engines, task
from taskflow.patterns import linear_flow
from taskflow.persistence import backends, models

import controller_flows

MODELS = {"vip": data_models.Vip, "load_balancer": data_models.LoadBalancer}


class Injected(Exception):
    """The failure that a test asked for."""


class Fail(task.Task):
    def execute(self):
        raise Injected("injected")


# Logs go where they do not get between the answers.
ANSWERS = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main():
    octavia_config.init([f"--config-file={sys.argv[1]}"])
    octavia_config.setup_logging(cfg.CONF)
    engine = base_taskflow.BaseTaskFlowEngine()
    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(globals()[request["call"]](engine, request))
        except Exception as error:
            answer(described(error))


def answer(message):
    ANSWERS.write(json.dumps(message) + "\n")
    ANSWERS.flush()


def described(error):
    text = "".join(traceback.format_exception(error))
    about = {name: getattr(error, name, None) for name in ("reason", "field", "value")}
    return {"error": {"class": type(error).__name__, "message": str(error), "text": text, **about}}


def network(engine, request):
    """What Octavia's no-op network driver answers from now on."""
    known = noop_network._NOOP_MANAGER_VARS
    for kind, model in [
        ("ports", network_models.Port),
        ("subnets", network_models.Subnet),
        ("networks", network_models.Network),
    ]:
        known[kind] = {entry["id"]: model(**entry) for entry in request.get(kind, [])}
    return {}


def tasks(engine, request):
    """The names of a flow's tasks, in order."""
    flow = controller_flows.verb(request["flow"])
    return {"tasks": [node.name for node, _ in flow.iter_nodes()]}


def run(engine, request):
    """A flow to its end. With `fail_after`, a task's name, the next one is one that fails."""
    flow = controller_flows.verb(request["flow"])
    if request.get("fail_after"):
        failing = linear_flow.Flow(flow.name)
        for node, _ in flow.iter_nodes():
            failing.add(node)
            if node.name == request["fail_after"]:
                failing.add(Fail("fail"))
        flow = failing
    return finish(engine.taskflow_load(flow, store=stored(request)))


def persist(engine, request):
    """As `run`, kept in a database. With `kill_at`, [task, state], the process is killed there."""
    backend = backends.fetch({"connection": request["database"]})
    with contextlib.closing(backend.get_connection()) as connection:
        connection.upgrade()
        book = models.LogBook("book")
        detail = models.FlowDetail("flow", uuid=request["uuid"])
        book.add(detail)
        connection.save_logbook(book)
    engines.save_factory_details(
        detail, controller_flows.verb, [request["flow"]], {}, backend=backend
    )
    # From the factory, and with the store given beside, as Octavia's conductor does it.
    loaded = engines.load_from_detail(detail, store=request["store"], backend=backend)
    kill_at(loaded, request.get("kill_at"))
    return finish(loaded)


def resume(engine, request):
    """Goes on with a flow that another process began."""
    backend = backends.fetch({"connection": request["database"]})
    with contextlib.closing(backend.get_connection()) as connection:
        (book,) = connection.get_logbooks()
    detail = book.find(request["uuid"])
    return finish(engines.load_from_detail(detail, store=request["store"], backend=backend))


def listen(engine, request):
    """As Octavia's health manager does; returns the port."""
    # Only here: it takes the whole database layer with it.
    from octavia.amphorae.drivers.health import heartbeat_udp

    global manager
    manager = object.__new__(heartbeat_udp.UDPStatusGetter)
    manager.sock = None
    manager.update(request["key"], request["address"], 0)
    manager.sock.settimeout(20)
    return {"port": manager.sock.getsockname()[1]}


def hear(engine, request):
    """The next heartbeat, as Octavia's health manager takes it."""
    message, source = manager.dorecv()
    return {"message": message, "source": source}


def kill_at(loaded, moment):
    if moment is None:
        return
    name, state = moment

    def look(new_state, details):
        if details["task_name"] == name and new_state == state:
            os.kill(os.getpid(), signal.SIGKILL)

    loaded.atom_notifier.register("*", look)


def finish(loaded):
    try:
        loaded.run()
    except Exception as error:
        return {**described(error), "state": loaded.storage.get_flow_state()}
    values = loaded.storage.fetch_all()
    return {"values": {name: values[name] for name in controller_flows.PROVIDED if name in values}}


def stored(request):
    """With `objects`, inputs are Octavia's own."""
    store = dict(request["store"])
    if request.get("objects"):
        for name, model in MODELS.items():
            if name in store:
                store[name] = model(**store[name])
        if "amphorae" in store:
            amphorae = [dict(amphora) for amphora in store["amphorae"]]
            store["amphorae"] = tuple(data_models.Amphora(**amphora) for amphora in amphorae)
    return store


if __name__ == "__main__":
    main()
