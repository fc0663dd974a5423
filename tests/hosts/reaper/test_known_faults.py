"""Faults that the scripts for REAPER once had or may easily have, and the tests that guard against each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REAPER, JOBS = "tests/hosts/reaper", "tests/integration"

#: What must not happen → (file without its ending, tests in it) …
GUARDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "MIDI tracks and instruments are missing from what the engine hears, and nobody says so": (
        ("test_send_audio", "test_instruments_are_rendered_beside_tracks_that_are_read", "test_what_is_not_sent_is_said_before",
         "test_what_changes_a_track_has_it_rendered"),
    ),
    "an item that is edited while its job runs gets its result in the wrong place, or jumps back": (
        ("test_edits_meanwhile", "test_each_action_is_tried_with_each_edit", "test_a_repaint", "test_an_item_grows",
         "test_a_join", "test_new_tracks_go_along", "test_new_music_stays_where_it_was_wanted", "test_facts_go_along",
         "test_a_variation"),
        ("test_song_edited_meanwhile", "test_a_song_stays_whatever_becomes_of_items",
         "test_a_song_goes_along_with_its_regions"),
        ("test_fake_open_items", "test_results_lie_where_the_music_is_after_a_split_and_an_undo"),
        ("test_gains_of_takes", "test_a_result_beside_its_item_is_as_loud_and_where_that_was"),
    ),
    "each action opens a console on Windows, and closing that ends the job": (
        ("test_command", "test_windows_starts_the_command_that_opens_no_console"),
    ),
    "the job window takes the keyboard, forgets its place, or pops in and out of the docker": (
        ("test_following_jobs", "test_the_window_leaves_the_keyboard_to_the_arrange_view"),
        ("test_ui_gfx", "test_the_place_is_kept_and_found_again"),
    ),
    "REAPER asks what to do about the copy of an action that runs": (
        ("test_following_jobs", "test_running_an_action_again_while_its_job_runs_asks_nothing",
         "test_an_action_ends_when_its_request_is_sent", "test_options_are_set_before_anything_is_asked"),
    ),
    "tabs are switched inside of an undo block": (
        ("test_following_jobs", "test_a_result_of_another_tab_changes_tabs_outside_of_the_undo_block_at_most"),
        ("test_fake_behaviour", "test_tabs_are_not_switched_in_undo_blocks_nor_while_the_screen_is_held"),
    ),
    "a render loses sends, hears other tracks, leaves settings changed, or sends a file that is not whole": (
        ("test_send_audio", "test_a_render_solos_in_place_and_puts_everything_back_at_once",
         "test_a_render_of_another_length_is_not_sent", "test_what_sends_to_a_track_sounds_in_it_and_not_on_its_own",
         "test_no_render_while_reaper_records"),
        ("test_fake_routing", "test_renders_end_in_many_ways"),
    ),
    "the musician's render format comes back wrong": (
        ("test_both_ways", "test_render_settings_come_back"),
        ("test_send_audio", "test_a_render_solos_in_place_and_puts_everything_back_at_once"),
    ),
    "items of lanes that do not play are changed, free positions are lost, or a silent new lane is not mentioned": (
        ("test_selected_lanes", "test_a_repaint_takes_the_item_that_plays",
         "test_an_item_of_a_silent_lane_is_meant_when_only_it_is_selected",
         "test_items_that_lie_freely_get_a_take_and_no_lane", "test_a_new_lane_that_does_not_play_is_said"),
        ("test_both_ways", "test_lanes"),
    ),
    "nothing shows that audio is read, and that cannot be cancelled": (
        ("test_following_jobs", "test_reading_shows_how_far_it_is_and_can_be_cancelled_in_the_window",
         "test_reading_is_cancelled_by_the_action"),
    ),
    "an item that grows to the left moves stretch markers, envelopes or the snap offset": (
        ("test_takes_kept", "test_prepend_leaves_everything_in_the_item_where_it_was"),
    ),
    "a new take has not the envelopes of the old one": (
        ("test_takes_kept", "test_a_new_take_has_the_envelopes_of_the_old_one",
         "test_a_new_take_has_the_envelopes_of_fx_parameters"),
        ("test_fake_open_items", "test_a_lane_has_the_fades_of_its_item"),
    ),
    "a new tempo moves items, or what it moves is not said": (
        ("test_new_tempo", "test_analyse_says_what_follows_a_new_tempo",
         "test_the_timeline_is_updated_while_items_are_attached_to_time"),
        ("test_both_ways", "test_a_tempo_moves_no_item"),
    ),
    "lyrics of several lines lose all but one": (
        ("test_lyrics_places", "test_lyrics_come_whole_from_where_they_are"),
        ("test_fake_open_items", "test_pasted_lyrics_are_sent_as_the_field_has_them"),
    ),
    "the command is not found where usual installers put it, or a slow start loses the result": (
        ("test_command", "test_folders_of_macos", "test_folders_of_windows",
         "test_a_command_of_the_microsoft_store_is_not_used_and_its_reason_said", "test_a_reaper_in_a_sandbox_says_so"),
        ("test_following_jobs", "test_a_command_that_takes_long_to_start_is_waited_for",
         "test_a_command_that_never_starts_is_given_up"),
    ),
    "a message comes up or something is placed while REAPER records": (
        ("test_while_recording", "test_a_failure_waits_for_the_end",
         "test_what_an_action_says_is_in_the_panel_and_comes_up_later", "test_a_recording_in_another_tab_counts"),
        ("test_edits_meanwhile", "test_a_repaint"),
    ),
    "a time selection that was left goes before a razor edit": (
        ("test_selection", "test_which_stretch_is_repainted", "test_razor_edits_say_on_which_tracks",
         "test_what_is_sent_of_razor_edits_is_their_stretch", "test_new_music_goes_where_a_razor_edit_is"),
        ("test_follow", "test_razor_edits_count_before_the_time_selection"),
    ),
    "fewer channels are read than a file has": (
        ("test_following_jobs", "test_a_file_of_six_channels_that_reaper_has_to_read_is_refused"),
    ),
    "what is edited while it is read is sent half old, half new": (
        ("test_following_jobs", "test_an_edit_while_audio_is_read_sends_nothing"),
    ),
    "samples are lost or repeated where two blocks meet": (
        ("test_both_ways", "test_what_is_read_is_what_the_take_plays"),
        ("test_fake_audio", "test_which_frame_is_meant"),
    ),
    "undo takes the project's identity back, so that its result finds no home": (
        ("test_following_jobs", "test_undo_before_the_first_action_keeps_the_project_known",
         "test_a_new_project_is_not_taken_for_one_that_was_closed"),
    ),
    "new items stay when a new tempo moves all others": (
        ("test_selection", "test_new_items_follow_a_new_tempo_as_all_others_do"),
    ),
    "a project of many items freezes when their GUIDs are compared": (
        ("test_messages", "test_muting_many_sources_asks_each_item_once"),
    ),
    "polarity, width, pans or pan laws are missing from the mix that is sent": (
        ("test_send_audio", "test_what_changes_a_track_has_it_rendered", "test_pans_whose_levels_are_known_are_not_rendered"),
        ("test_gains_of_takes", "test_a_join_plays_where_the_items_do",
         "test_a_join_of_pans_that_only_reaper_knows_is_refused"),
        ("test_file_passthrough", "test_what_only_reaper_can_tell_is_read_through_it"),
    ),
    "heavy effects spread over ticks, panels show old folders, or empty job folders stay for ever": (
        ("test_takes_kept", "test_effects_that_take_long_to_load_hold_up_one_tick_and_one_step"),
        ("test_fake_reaper", "test_changed_folders_have_to_be_drawn_again"),
        ("test_every_version", "test_an_action_is_placed_in_one_step_and_taken_back"),
        ("test_jobfolder_folders", "test_an_empty_folder_goes_after_an_hour"),
    ),
    "a fault of the scripts says that nothing was changed, whatever was": (
        ("test_messages", "test_a_fault_of_the_scripts_says_nothing_that_is_not_so"),
    ),
    "messages name actions otherwise than REAPER's list does": (
        ("test_messages", "test_an_action_that_a_message_names_is_in_the_list_under_that_name"),
    ),
    "a choice has to be typed in full, or a message leaves out what is allowed": (
        ("test_lua_form", "test_every_choice_of_every_dialog_is_found_by_its_beginning_or_named"),
    ),
    "stepping through takes starts a job": (
        ("test_takes_kept", "test_next_take_makes_no_job_and_another_take_says_what_it_needs"),
    ),
    "cancelling ends jobs of other projects without a question": (
        ("test_following_jobs", "test_cancel_asks_before_it_ends_jobs_of_other_projects"),
    ),
    "warnings of a result are shown nowhere, and a job that is done leaves no trace": (
        ("test_following_jobs", "test_a_finished_job_leaves_a_row_with_name_seed_and_how_to_take_it_back"),
    ),
    "the doctor has people install a package of somebody else": (
        ("test_messages", "test_the_doctor_s_remedy_installs_from_what_one_has"),
    ),
    "a log has to be looked for by hand": (
        ("test_following_jobs", "test_the_log_of_a_failed_job_opens_from_its_row"),
    ),
}  # fmt: skip


def nodes(fault: str) -> list[str]:
    """Return the node ids of the tests that guard against a fault."""
    found = []
    for file, *tests in GUARDS[fault]:
        folder = JOBS if file.startswith("test_jobfolder") else REAPER
        found += [f"{folder}/{file}.py::{test}" for test in tests]
    return found


def test_every_fault_has_a_guard() -> None:
    assert all(nodes(fault) for fault in GUARDS)


@pytest.mark.slow
def test_every_guard_is_there() -> None:
    """As pytest itself finds them: it names those that it does not."""
    wanted = sorted({node for fault in GUARDS for node in nodes(fault)})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *wanted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, "\n".join(
        line for line in (done.stdout + done.stderr).splitlines() if "not found" in line
    )
    collected = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert collected == set(wanted)
