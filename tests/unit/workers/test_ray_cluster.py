"""What an actor asks a cluster for, and the line that says why it ended. Without a cluster."""

from __future__ import annotations

from acebridge.workers.ray.cluster import actor_options, choose_resources, describe_death, first_line


def test_an_actor_asks_for_a_gpu_where_there_are_any() -> None:
    assert choose_resources({}, {"CPU": 8.0}) == {"CPU": 1}
    assert choose_resources({}, {"CPU": 8.0, "GPU": 2.0}) == {"CPU": 1, "GPU": 1}
    assert choose_resources({"CPU": 4.0, "studio": 1.0}, {"GPU": 2.0}) == {"CPU": 4.0, "studio": 1.0}


def test_resources_have_the_names_of_ray() -> None:
    options = actor_options({"CPU": 4.0, "GPU": 1.0, "memory": 2e9, "studio": 1.0})
    assert (options["num_cpus"], options["num_gpus"], options["memory"]) == (4.0, 1.0, 2e9)
    assert options["resources"] == {"studio": 1.0}
    assert (options["max_restarts"], options["max_task_retries"]) == (0, 0)
    plain = actor_options({"CPU": 1.0})
    assert plain["num_gpus"] == 0
    assert "memory" not in plain


def test_a_death_is_one_line() -> None:
    error = RuntimeError(
        "The actor died unexpectedly.\n\tclass_name: A\n\tpid: 5\nThe actor's node was terminated: SIGTERM"
    )
    assert describe_death(error) == "RuntimeError: The actor's node was terminated: SIGTERM"
    assert describe_death(RuntimeError("alone")) == "RuntimeError: alone"
    assert len(describe_death(RuntimeError("x" * 1000))) == 300
    assert first_line(RuntimeError("\n a \n b")) == "a"
    assert first_line(KeyError()) == "KeyError"
