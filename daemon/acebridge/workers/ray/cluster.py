"""A Ray cluster: finding out whether it answers, connecting, and starting an actor. Only a relay imports Ray.

Calls of Ray may block, so they run in threads.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from acebridge.ray_address import AUTO, find_problem, unreachable
from acebridge.workers.ray.messages import Node
from acebridge.workers.ray.plan import Plan


class Unreachable(Exception):
    """The cluster does not answer. It may later. The text says what to do."""


class Refusal(Exception):
    """The cluster, or a node, cannot be used as it is. ``remedy`` says what to change."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def connect(address: str) -> None:
    """Connect this process to a cluster. Raises `Unreachable`, and `Refusal` for a cluster of another version. Blocks."""
    if problem := find_problem(address):
        raise Unreachable(f"{problem.says} {problem.remedy}")
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    os.environ["RAY_CLIENT_RECONNECT_GRACE_PERIOD"] = "0"  # a dead daemon leaves no work behind
    try:
        ray.init(
            "auto" if address == AUTO else address,
            log_to_driver=False,
            configure_logging=False,
            namespace="acebridge",
        )
    except (ConnectionError, TimeoutError) as error:
        raise Unreachable(" ".join(unreachable(address, first_line(error).rstrip(".")))) from error
    except Exception as error:
        raise Refusal(
            f"The Ray cluster at {address} cannot be used: {first_line(error)}",
            "Install the same versions of Python and Ray on this machine and on all nodes, with the same token of Ray.",
        ) from error


def choose_resources(wanted: Mapping[str, float], cluster: Mapping[str, float]) -> dict[str, float]:
    """Return what an actor asks for: what is wanted, or one CPU, and one GPU where the cluster has any."""
    if wanted:
        return dict(wanted)
    return {"CPU": 1, "GPU": 1} if cluster.get("GPU", 0) >= 1 else {"CPU": 1}


def actor_options(resources: Mapping[str, float]) -> dict[str, object]:
    """Return the options of an actor that takes ``resources``, which have Ray's names."""
    rest = {name: value for name, value in resources.items() if name not in ("CPU", "GPU", "memory")}
    return {
        "num_cpus": resources.get("CPU", 0),
        "num_gpus": resources.get("GPU", 0),
        **({"memory": resources["memory"]} if "memory" in resources else {}),
        "resources": rest,
        "scheduling_strategy": "SPREAD",
        "max_restarts": 0,
        "max_task_retries": 0,
    }


def start_actor(plan: Plan) -> tuple[Any, dict[str, float]]:
    """Return the handle of a new actor, and what it asks the cluster for. It may wait for a node. Blocks."""
    import ray

    from acebridge.workers.ray.actor import NodeWorker

    resources = choose_resources(plan.resources, ray.cluster_resources())
    options = actor_options(resources)
    handle = ray.remote(NodeWorker).options(**options).remote(plan.to_json(), int(resources.get("GPU", 0)))
    return handle, resources


def end_actor(handle: Any) -> None:
    """End an actor, also one that waits for a node. Blocks."""
    import ray

    ray.kill(handle)


def put(data: bytes) -> Any:
    """Put bytes into the object store; return their reference. Blocks."""
    import ray

    return ray.put(data)


def label_of(node: Node) -> str:
    """Return the name of a node for people: the one it was given, or that of its machine. Blocks."""
    import ray

    for each in ray.nodes():
        if each["NodeID"] == node["node_id"] and each.get("NodeName") != each["NodeManagerAddress"]:
            return str(each["NodeName"])
    return node["host"]


async def ask(method: Any, *arguments: object) -> Any:
    """Call a method of an actor and return its answer. Raises what Ray raises."""
    reference = await asyncio.to_thread(method.remote, *arguments)
    return await asyncio.wrap_future(reference.future())


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def is_fault_of_node(error: Exception) -> bool:
    """Return whether an actor failed to begin for what is installed on its node: another one may do better."""
    import ray

    return isinstance(error, ray.exceptions.RayTaskError) or "creation task" in str(error)


def describe_death(error: Exception) -> str:
    """Return one line about why an actor ended."""
    wanted = ("node", "process", "killed", "memory", "Error")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines[1:] if any(word in line for word in wanted)), lines[0] if lines else "")
    return f"{type(error).__name__}: {said}"[:300]
