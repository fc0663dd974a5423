"""Each limit of the table is a number, stands on its page, and has a test that goes one beyond it."""

from __future__ import annotations

import ast
import functools

import pytest

from acebridge.limits import LIMITS, Limit
from tests.support import limits_page
from tests.support.paths import ROOT

_CALLS = "integration/test_open_calls.py::"
_OSC = "unit/hosts/osc/"
_HTTP = "unit/hosts/http/"
#: Limit → the test that goes beyond it.
BEYOND = {
    "Connections and calls": {
        "connections": f"{_CALLS}test_connections_beyond_the_limit_are_closed",
        "time to begin HTTP/2": "unit/server/test_connections.py::test_a_connection_that_says_nothing_is_closed",
        "connection without a call": "unit/server/test_connections.py::test_a_connection_without_a_call_is_closed",
        "connection without a byte while a call is open":
            "unit/server/test_connections.py::test_a_connection_that_does_not_answer_is_closed_even_with_a_call",
        "open calls of one connection": f"{_CALLS}test_one_connection_has_only_some_of_the_calls",
        "open calls": f"{_CALLS}test_more_calls_than_there_may_be_are_refused",
        "open calls of health and reflection": f"{_CALLS}test_calls_of_health_need_no_token_and_take_no_place_of_others",
        "stream that nobody reads": f"{_CALLS}test_a_stream_that_nobody_reads_ends",
        "calls of a revoked token": f"{_CALLS}test_a_revoked_token_ends_the_streams_that_it_began",
        "message": "integration/test_bad_inputs.py::test_too_many_bytes",
        "request, without its audio": "integration/test_large_requests.py::test_a_request_of_many_entries_is_refused_unseen",
        "page of a list": "unit/server/test_pages.py::test_sizes",
        "size of a page": "integration/test_listing.py::test_jobs_with_long_facts_fit_the_messages_of_any_client",
    },
    "Audio that is sent": {
        "inline audio, and one message of an upload": "integration/test_contract_limits.py::test_an_upload_keeps_to_its_limits",
        "file": "integration/test_bad_inputs.py::test_bounds_of_a_small_daemon",
        "uploads at once": f"{_CALLS}test_uploads_that_stand_still_end_and_leave_nothing",
        "uploads in pieces under way": "unit/store/test_pieces.py::test_uploads_under_way_are_few",
        "all that has arrived of them": "unit/store/test_pieces.py::test_uploads_under_way_keep_to_their_size",
        "time that one of them keeps its place": "unit/store/test_pieces.py::test_uploads_under_way_are_few",
        "time between two pieces": "unit/store/test_pieces.py::test_an_upload_that_nobody_goes_on_with_goes_after_a_day",
        "upload, or request, that stands still": f"{_CALLS}test_uploads_that_stand_still_end_and_leave_nothing",
        "all stored audio": "unit/store/test_room.py::test_uploads_count_against_the_quota",
        "room kept on a full disk": "unit/store/test_room.py::test_reading_needs_no_room_and_deleting_uses_the_reserve",
        "sample rate of a file": "unit/audio/test_decode_and_convert.py::test_odd_files_are_refused",
        "length of a file": "unit/audio/test_decode_and_convert.py::test_a_wrong_length_in_the_header_of_flac_does_not_matter",
        "length that is worked on": "integration/test_bad_inputs.py::test_files",
        "MIDI file": "unit/midi/test_read.py::test_what_cannot_be_read_is_said",
        "notes of a MIDI file": "unit/midi/test_read.py::test_what_cannot_be_read_is_said",
        "length of a MIDI file": "unit/midi/test_read.py::test_what_cannot_be_read_is_said",
        "tempo of a MIDI file": "unit/midi/test_read.py::test_what_cannot_be_read_is_said",
    },
    "Names": {
        "name of a file": "integration/test_contract_limits.py::test_an_upload_keeps_to_its_limits",
        "idempotency key and session": "integration/test_bad_inputs.py::test_values",
        "caption, lyrics, chords": "integration/test_bad_inputs.py::test_values",
        "bars of a chord chart, repeats counted": "unit/chords/test_read.py::test_errors_name_the_symbol_and_its_place",
        "name of a section of a song": "unit/song/test_plan.py::test_what_no_song_can_be_made_of_is_refused",
        "tokens with names": "unit/test_tokens.py::test_tokens_are_not_more_than_calls_can_look_into",
    },
    "Jobs and workers": {
        "waiting jobs": "integration/test_bad_inputs.py::test_bounds_of_a_small_daemon",
        "takes of a job": "integration/test_bad_inputs.py::test_values",
        "variations of a take, one after the other":
            "unit/tasks/test_variations.py::test_what_no_variation_can_be_is_refused",
        "start of a worker": "unit/workers/test_local.py::test_a_process_that_hangs_at_its_start_is_replaced",
        "work without progress": "unit/workers/test_limits.py::test_signs_of_life_without_progress_are_not_enough",
        "stop of a cancelled job": "unit/jobs/test_scheduler_stops.py::test_a_worker_that_does_not_stop_in_time_is_ended",
        "workers on a Ray cluster": "unit/workers/test_ray_worker.py::test_the_next_one_starts_when_all_others_are_busy",
        "sources kept on a node of a Ray cluster":
            "unit/workers/test_ray_sources.py::test_the_least_recently_used_go_beyond_the_limit_and_orders_keep_theirs",
        "answer of a Ray worker": "unit/workers/test_ray_relay.py::test_an_actor_that_does_not_answer_is_lost",
        "memory of a worker": "unit/workers/test_limits.py::test_a_worker_that_takes_too_much_memory_is_ended",
    },
    "Songs from sections": {
        "sections": "unit/song/test_plan.py::test_what_no_song_can_be_made_of_is_refused",
        "plan": "unit/song/test_plan_file.py::test_a_file_gives_its_name_to_a_plan_without_a_title",
        "bars of a section": "unit/song/test_plan_file.py::test_faults_are_one_sentence",
    },
    "Logs": {
        "`daemon.log`, and three older ones": "unit/server/test_logs.py::test_the_log_keeps_to_its_size",
        "equal lines in a minute": "unit/server/test_logs.py::test_a_flood_of_lines_of_one_kind_is_cut_each_minute",
        "`start.log`, and an older one": "unit/server/test_logs.py::test_a_file_that_the_daemon_prints_into_is_cut",
        "`audit.log`, and three older ones": "unit/test_audit.py::test_the_file_keeps_to_its_size",
        "time between two lines about refused calls from one place":
            "unit/server/test_refused_calls.py::test_one_line_a_second_says_how_many_there_were",
    },
    "HTTP": {
        "body of a call": f"{_HTTP}test_answers.py::test_a_body_has_a_limit",
        "piece of an upload": "integration/test_http_edge.py::test_pieces_that_do_not_fit_are_refused",
        "connections and requests at once": f"{_HTTP}test_serve.py::test_requests_beyond_the_limit_are_refused",
        "connection without a whole request": f"{_HTTP}test_loopback.py::test_a_connection_that_brings_no_request_is_closed",
        "time until the next bytes of a body": f"{_HTTP}test_arrival.py::test_a_body_that_stops_on_its_way_is_given_up",
        "links of a caller": f"{_HTTP}test_keys_and_links.py::test_links_of_a_caller_are_limited_and_those_of_others_stay",
        "time that a link is good": f"{_HTTP}test_keys_and_links.py::test_a_link_is_good_for_an_hour",
        "codes for the panel": f"{_HTTP}test_keys_and_links.py::test_codes_are_few",
        "time that a code is good": f"{_HTTP}test_keys_and_links.py::test_a_code_is_good_for_a_minute",
        "connections to the daemon": "unit/client/test_async_connection.py::test_connections_that_nobody_uses_are_few",
        "jobs of one question of a front end":
            "integration/test_http_edge_upstream.py::test_errors_have_the_form_of_that_server",
    },
    "OSC": {
        "packet": f"{_OSC}test_messages.py::test_what_is_bad_is_refused_with_a_remedy",
        "blob": f"{_OSC}test_messages.py::test_what_is_bad_is_refused_with_a_remedy",
        "connections": "integration/test_osc_damage.py::test_half_open_streams_are_few_and_others_are_served",
        "connections without the token": f"{_OSC}test_tcp.py::test_strangers_do_not_take_all_connections",
        "first packet, and half a packet": f"{_OSC}test_tcp.py::test_a_connection_that_sends_nothing_is_closed",
        "senders with token": f"{_OSC}test_access.py::test_senders_with_token_are_few",
        "jobs under way": f"{_OSC}test_jobs.py::test_jobs_under_way_are_few",
        "questions that wait": f"{_OSC}test_bridge.py::test_calls_that_wait_are_few",
        "feedback addresses": "integration/test_osc_damage.py::test_feedback_addresses_are_few",
        "messages for the monitor that wait": f"{_OSC}test_monitor.py::test_a_flood_is_refused",
    },
    "Tools for chat": {
        "calls with one token at once": "unit/hosts/mcp/test_calls.py::test_calls_beyond_the_limit_wait",
        "asset that is sent as a resource": "integration/test_mcp.py::test_assets_and_recipes_are_resources",
        "body of a request over HTTP": "integration/test_mcp_access.py::test_a_body_has_a_limit",
    },
}  # fmt: skip
EVERY = [(part, limit) for part, limits in LIMITS.items() for limit in limits]
BY_NAME = pytest.mark.parametrize(("part", "limit"), EVERY, ids=[f"{part}: {limit.what}" for part, limit in EVERY])


@functools.cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


@BY_NAME
def test_a_limit_has_a_test_that_goes_beyond_it(part: str, limit: Limit) -> None:
    file, _, name = BEYOND[part][limit.what].partition("::")
    assert name in functions_in(file)


@BY_NAME
def test_a_limit_is_a_number(part: str, limit: Limit) -> None:
    depends_on_the_machine = (part, limit.what) == ("Jobs and workers", "memory of a worker")
    assert (limit.value is None) == depends_on_the_machine
    assert limit.value is None or limit.value > 0


def test_no_test_is_of_a_limit_that_is_gone() -> None:
    assert {part: list(tests) for part, tests in BEYOND.items()} == {
        part: [limit.what for limit in limits] for part, limits in LIMITS.items()
    }


def test_the_page_has_the_numbers_of_the_code() -> None:
    assert limits_page.PAGE.read_text("utf-8") == limits_page.page(), "run: python -m tests.support.limits_page"
