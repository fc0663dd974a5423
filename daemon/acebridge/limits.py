"""All limits of the daemon and of what belongs to it, in one table: what is limited, where its number stands, what happens
beyond it, and why.

Each number stands once, where it is used; those that clients share with the daemon stand here. ``docs/limits.md`` is made
from this table. Limits of the fields of a request are declared with the fields, see `acestep_runtime.limits`.
"""

from __future__ import annotations

import pkgutil
from typing import NamedTuple

#: The longest name of a file, and the longest idempotency key and session, in characters.
LONGEST_NAME, LONGEST_KEY = 200, 128
#: The most entries of one page of a list.
LONGEST_PAGE = 1000
#: The most bytes of uploads that are not whole yet; also the largest file that can be sent so that a break costs one piece.
MAX_PARTIAL_BYTES = 4 * 2**30

_SETTINGS = "acebridge.config:Config"


class Limit(NamedTuple):
    """One limit.

    ``where`` is the place of its number, as ``module:name``, or the name of the setting whose default it is. ``unit`` is
    ``bytes``, ``s`` or what is counted.
    """

    what: str
    where: str
    unit: str
    beyond: str
    why: str

    @property
    def setting(self) -> str:
        """The setting that changes it; empty where there is none."""
        return "" if ":" in self.where else self.where

    @property
    def value(self) -> float | None:
        """The number; ``None`` where it depends on the machine."""
        if not self.setting:
            number: float = pkgutil.resolve_name(self.where)
            return number
        default: float | None = pkgutil.resolve_name(_SETTINGS).model_fields[self.setting].default
        return default


#: Part of the program → its limits.
LIMITS = {
    "Connections and calls": (
        Limit("connections", "max_connections", "connections", "closed at once",
              "each takes a descriptor and memory"),
        Limit("time to begin HTTP/2", "acebridge.server.connections:HANDSHAKE_S", "s", "closed",
              "who connects and says nothing holds a place"),
        Limit("connection without a call", "acebridge.server.connections:IDLE_CONNECTION_S", "s",
              "closed; a client opens it again", "programs forget connections"),
        Limit("connection without a byte while a call is open", "acebridge.server.connections:KEEPALIVE_S", "s",
              "asked whether it is there, closed without an answer", "machines vanish"),
        Limit("open calls of one connection", "acebridge.server.connections:MAX_CONNECTION_CALLS", "calls",
              "the client keeps more of them back", "one program must not take all"),
        Limit("open calls", "max_open_calls", "calls", "`RESOURCE_EXHAUSTED`, `BUSY`", "each takes a task and its messages"),
        Limit("open calls of health and reflection", "acebridge.server.open_calls:MAX_OWN_CALLS", "calls",
              "`RESOURCE_EXHAUSTED`, `BUSY`; a health check is never refused", "health needs no token"),
        Limit("stream that nobody reads", "stalled_reader_s", "s", "`DEADLINE_EXCEEDED`, `TIMED_OUT`; it can be resumed",
              "it holds a place and a file"),
        Limit("calls of a revoked token", "acebridge.server.open_calls:LOOK_S", "s", "`UNAUTHENTICATED`",
              "whoever has lost the right must not go on"),
        Limit("message", "acebridge.server.connections:MAX_MESSAGE_BYTES", "bytes", "`RESOURCE_EXHAUSTED`",
              "a message is in memory as a whole"),
        Limit("request, without its audio", "acebridge.server.malformed:MAX_BYTES_BESIDE_AUDIO", "bytes", "`INVALID_ARGUMENT`",
              "each entry of a list takes time"),
        Limit("page of a list", "acebridge.limits:LONGEST_PAGE", "entries", "`INVALID_ARGUMENT`",
              "a page is in memory as a whole"),
        Limit("size of a page", "acebridge.server.services.pages:MAX_BYTES", "bytes",
              "the page ends earlier, with a token for the next", "clients take 4 MiB"),
    ),
    "Audio that is sent": (
        Limit("inline audio, and one message of an upload", "acebridge.server.submission:MAX_INLINE_BYTES", "bytes",
              "`INVALID_ARGUMENT`", "it must fit a message"),
        Limit("file", "max_upload_bytes", "bytes", "`RESOURCE_EXHAUSTED`, `TOO_LARGE`", "it takes disk space"),
        Limit("uploads at once", "max_uploads", "uploads", "`RESOURCE_EXHAUSTED`, `BUSY`", "each takes a file and disk space"),
        Limit("uploads in pieces under way", "acebridge.store.partial_uploads:MAX_FILES", "uploads",
              "the one that stood still for longest goes; without any, `RESOURCE_EXHAUSTED`, `BUSY`", "each takes a file"),
        Limit("all that has arrived of them", "acebridge.limits:MAX_PARTIAL_BYTES", "bytes",
              "the one that stood still for longest goes; without any, `RESOURCE_EXHAUSTED`, `BUSY`", "it takes disk space"),
        Limit("time that one of them keeps its place", "acebridge.store.partial_uploads:QUIET_S", "s",
              "it goes when others need its place", "lines come back"),
        Limit("time between two pieces", "acebridge.store.partial_uploads:MAX_AGE_S", "s",
              "what has arrived is removed", "clients forget uploads"),
        Limit("upload, or request, that stands still", "idle_upload_s", "s",
              "`DEADLINE_EXCEEDED`, `TIMED_OUT`; its file is removed", "it holds a place"),
        Limit("all stored audio", "quota_bytes", "bytes",
              "the least recently used goes; without any, `RESOURCE_EXHAUSTED`, `BUSY`", "it takes disk space"),
        Limit("room kept on a full disk", "reserve_bytes", "bytes", "new audio is refused, deleting works",
              "jobs must end on a full disk"),
        Limit("sample rate of a file", "acestep_runtime.audio.decode:MAX_RATE_HZ", "Hz", "`INVALID_ARGUMENT`",
              "headers lie"),
        Limit("length of a file", "acestep_runtime.audio.decode:MAX_DURATION_S", "s", "`INVALID_ARGUMENT`",
              "headers lie"),
        Limit("length that is worked on", "acestep_runtime.tasks.base:MAX_SOURCE_S", "s", "`INVALID_ARGUMENT`",
              "work and memory grow with it"),
        Limit("MIDI file", "acestep_runtime.midi.files:MAX_BYTES", "bytes", "`INVALID_ARGUMENT`", "it is kept with each job"),
        Limit("notes of a MIDI file", "acestep_runtime.midi.read:MAX_NOTES", "notes", "`INVALID_ARGUMENT`",
              "work grows with them"),
        Limit("length of a MIDI file", "acestep_runtime.midi.read:MAX_S", "s", "`INVALID_ARGUMENT`",
              "broken tempos make hours"),
        Limit("tempo of a MIDI file", "acestep_runtime.midi.read:MAX_BPM", "quarter notes a minute", "`INVALID_ARGUMENT`",
              "broken files would have millions of bars"),
    ),
    "Names": (
        Limit("name of a file", "acebridge.limits:LONGEST_NAME", "characters", "`INVALID_ARGUMENT`",
              "it is kept with each job"),
        Limit("idempotency key and session", "acebridge.limits:LONGEST_KEY", "characters", "`INVALID_ARGUMENT`",
              "they are kept with each job"),
        Limit("caption, lyrics, chords", "acestep_runtime.values:MAX_TEXT", "characters", "`INVALID_ARGUMENT`",
              "they are kept with each job"),
        Limit("bars of a chord chart, repeats counted", "acestep_runtime.chords.chart:MAX_BARS", "bars", "`INVALID_ARGUMENT`",
              "repeats of repeats grow fast"),
        Limit("name of a section of a song", "acestep_runtime.song.plan:MAX_NAME", "characters", "refused",
              "it names a folder"),
        Limit("tokens with names", "acebridge.tokens:MAX_TOKENS", "tokens", "refused", "each call looks into them"),
    ),
    "Jobs and workers": (
        Limit("waiting jobs", "max_waiting_jobs", "jobs", "`RESOURCE_EXHAUSTED`, `BUSY`", "each is kept on the disk"),
        Limit("takes of a job", "acestep_runtime.tasks.base:MAX_TAKES", "takes", "`INVALID_ARGUMENT`",
              "one job must not take the device for ever"),
        Limit("variations of a take, one after the other", "acestep_runtime.values:MAX_VARIATIONS", "variations",
              "`INVALID_ARGUMENT`", "each one costs noise and choices"),
        Limit("start of a worker", "acebridge.workers.launch:START_LIMIT_S", "s", "ended, started again",
              "drivers hang"),
        Limit("work without progress", "step_limit_s", "s", "ended; the job is tried once more", "engines hang"),
        Limit("stop of a cancelled job", "cancel_grace_s", "s", "its worker is killed", "engines hang"),
        Limit("workers on a Ray cluster", "ray_workers", "at once", "jobs wait for one", "each takes a part of the cluster"),
        Limit("sources kept on a node of a Ray cluster", "acebridge.workers.ray.sources:MAX_BYTES", "bytes",
              "the least recently used goes", "the node has its own work"),
        Limit("answer of a Ray worker", "acebridge.workers.ray.relay:SILENCE_S", "s",
              "ended; the job is tried once more", "nodes hang"),
        Limit("memory of a worker", "worker_memory_bytes", "bytes", "ended; the job fails with the reason",
              "the DAW needs the rest"),
    ),
    "Songs from sections": (
        Limit("sections", "acestep_runtime.song.plan:MAX_SECTIONS", "sections", "refused", "each is a job"),
        Limit("plan", "acestep_runtime.song.plan_file:MAX_BYTES", "bytes", "refused", "it is read as a whole"),
        Limit("bars of a section", "acestep_runtime.song.plan_file:MAX_BARS", "bars", "refused", "slips of the keyboard"),
    ),
    "Logs": (
        Limit("`daemon.log`, and three older ones", "acebridge.server.logs:FILE_BYTES", "bytes", "the oldest goes",
              "a log must not fill the disk"),
        Limit("equal lines in a minute", "acebridge.server.logs:FLOOD_LINES", "lines", "left out, and counted",
              "a flood must not push out the others"),
        Limit("`start.log`, and an older one", "acebridge.server.logs:PRINTED_BYTES", "bytes", "cut",
              "libraries print, too"),
        Limit("`audit.log`, and three older ones", "acebridge.audit:MAX_BYTES", "bytes", "the oldest goes",
              "a log must not fill the disk"),
        Limit("time between two lines about refused calls from one place", "acebridge.server.refused_calls:PAUSE_S", "s",
              "counted in the next line", "anybody may cause them"),
    ),
    "HTTP": (
        Limit("body of a call", "acebridge.hosts.http.bodies:MAX_BODY_BYTES", "bytes", "429, `TOO_LARGE`",
              "it is in memory as a whole"),
        Limit("piece of an upload", "acebridge.hosts.http.bodies:MAX_PIECE_BYTES", "bytes", "429, `TOO_LARGE`",
              "it must fit a message"),
        Limit("connections and requests at once", "acebridge.hosts.http.loopback:MAX_REQUESTS", "requests", "503",
              "each takes a descriptor and memory"),
        Limit("connection without a whole request", "acebridge.hosts.http.loopback:IDLE_S", "s", "closed",
              "who says nothing holds a place"),
        Limit("time until the next bytes of a body", "acebridge.hosts.http.arrival:PATIENCE_S", "s", "408, `TIMED_OUT`",
              "clients hang"),
        Limit("links of a caller", "acebridge.hosts.http.links:MAX_LINKS", "links", "the oldest is forgotten",
              "pages forget links"),
        Limit("time that a link is good", "acebridge.hosts.http.links:LINK_S", "s", "404", "a link needs no token"),
        Limit("codes for the panel", "acebridge.hosts.http.keys:MAX_CODES", "codes", "the oldest is forgotten",
              "browsers do not always open"),
        Limit("time that a code is good", "acebridge.hosts.http.keys:CODE_S", "s", "401", "browsers keep addresses"),
        Limit("connections to the daemon", "acebridge.client.async_connection:MAX_CONNECTIONS", "connections",
              "one that nobody uses is closed", "each token has its own"),
        Limit("jobs of one question of a front end", "acebridge.hosts.http.upstream:MAX_IDS", "jobs", "400",
              "each is a call"),
    ),
    "OSC": (
        Limit("packet", "acebridge.hosts.osc.messages:MAX_PACKET_BYTES", "bytes", "refused", "what fits a datagram"),
        Limit("blob", "acebridge.hosts.osc.messages:MAX_BLOB_BYTES", "bytes", "refused", "nothing sends more"),
        Limit("connections", "acebridge.hosts.osc.tcp:MAX_CONNECTIONS", "connections", "closed",
              "each takes a descriptor"),
        Limit("connections without the token", "acebridge.hosts.osc.tcp:MAX_STRANGERS", "connections", "closed",
              "they must not take all"),
        Limit("first packet, and half a packet", "acebridge.hosts.osc.tcp:PACKET_TIMEOUT_S", "s", "closed",
              "who says nothing holds a place"),
        Limit("senders with token", "acebridge.hosts.osc.access:MAX_SENDERS", "senders", "the oldest is forgotten",
              "addresses are many"),
        Limit("jobs under way", "acebridge.hosts.osc.jobs:MAX_JOBS", "jobs", "refused", "each takes a thread"),
        Limit("questions that wait", "acebridge.hosts.osc.bridge:MAX_CALLS", "questions", "refused", "buttons bounce"),
        Limit("feedback addresses", "acebridge.hosts.osc.bridge:MAX_FEEDBACK", "addresses", "refused",
              "each gets every message"),
        Limit("messages for the monitor that wait", "acebridge.hosts.osc.monitor:MAX_WAITING", "messages", "refused",
              "faders send many"),
    ),
    "Tools for chat": (
        Limit("calls with one token at once", "acebridge.hosts.mcp.calls:MAX_CALLS", "calls", "further ones wait",
              "each takes a thread"),
        Limit("asset that is sent as a resource", "acebridge.hosts.mcp.resources:MAX_BLOB_BYTES", "bytes",
              "the address of a file comes instead", "programs that chat hold a message in memory"),
        Limit("body of a request over HTTP", "acebridge.hosts.mcp.http:MAX_BODY_BYTES", "bytes", "413",
              "it is in memory as a whole"),
    ),
}  # fmt: skip
