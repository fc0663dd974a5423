"""Settings, and the sentences about wrong ones."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from acebridge.cli import doctor
from acebridge.config import VARIABLES, AuthSettings, Config, OscSettings, TlsSettings, load_config, load_settings
from acebridge.errors import AceBridgeError
from acebridge.paths import data_folder
from acestep_runtime.installation import install_remedy


def test_defaults_then_file_then_command_line(home: Path) -> None:
    assert load_config().port is None  # the usual one, or any free one when that is taken
    assert load_config().data_dir == home
    (home / "config.toml").write_text('port = 1234\nquota_bytes = 5\nroots = ["~", "/tmp", "/tmp/../tmp"]\n')
    config = load_config(port=None, log_level="debug")
    assert (config.port, config.quota_bytes, config.log_level) == (1234, 5, "debug")
    assert config.roots == (Path.home().resolve(), Path("/tmp").resolve())
    assert load_config(port=0).port == 0


def test_devices_are_one_or_more_names(home: Path) -> None:
    assert load_config().devices == ("auto",)
    for text, devices in (("'cpu'", ("cpu",)), ("['cuda:0', 'cuda:1']", ("cuda:0", "cuda:1"))):
        (home / "config.toml").write_text(f"devices = {text}\n")
        assert load_config().devices == devices
    assert load_config(devices=("mps",)).devices == ("mps",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("devices = []", "Setting devices in {file} is []: must name a device, such as"),
        ("devices = ''", "Setting devices in {file} is '': must name a device, such as"),
        (
            "parts = 'dit:0, voice:1'",
            "Setting parts in {file} is 'dit:0, voice:1': allowed: the parts dit, lm, vae, text.",
        ),
        (
            "parts = 'lm:1'",
            "Setting parts in {file} is 'lm:1': allowed: a device for dit, with which the other parts go.",
        ),
        ("devices = [1]", "Setting devices.0 in {file} is 1: "),
        ("roots = [1]", "Setting roots.0 in {file} is 1: "),
        ("port = 70000", "Setting port in {file} is 70000: "),
        ("port = 'x'", "Setting port in {file} is 'x': "),
        ("colour = 'red'", "Setting colour in {file} is 'red': "),
        (
            "host = 'example.org'",
            "Setting host in {file} is 'example.org': must be an address of this machine in numbers",
        ),
        ("host = ''", "Setting host in {file} is '': must be an address of this machine in numbers"),
        (
            "host = '0.0.0.0'\n[auth]\nrequired = false",
            "Setting auth in {file} is {{'required': False}}: host 0.0.0.0 lets other machines in, and they need tokens",
        ),
        (
            "host = '::'\n[tls]\nenabled = false",
            "Setting tls in {file} is {{'enabled': False}}: host :: lets other machines in, and they need TLS",
        ),
        (
            "[tls]\ncertificate = '/c.pem'",
            "Setting tls in {file} is {{'certificate': '/c.pem'}}: certificate and key belong together",
        ),
        ("[tls]\nkey = '/k.pem'", "Setting tls in {file} is {{'key': '/k.pem'}}: certificate and key belong together"),
        ("[tls]\ncertificate = 1\nkey = 'x'", "Setting tls.certificate in {file} is 1: "),
        ("[tls]\ncolour = 1", "Setting tls.colour in {file} is 1: There is no such setting."),
        ("workers = 'studio'", 'Setting workers in {file} is \'studio\': must be "local", "ray://HOST:PORT"'),
        (
            "parts = 'dit:0'\nworkers = 'ray://auto'",
            "Setting workers in {file} is 'ray://auto': parts are devices of this machine",
        ),
        (
            "remote = 'studio.local:50710'\nworkers = 'ray://auto'",
            "Setting remote in {file} is 'studio.local:50710': workers and remote exclude each other",
        ),
        ("ray_workers = 0", "Setting ray_workers in {file} is 0: "),
        ("ray_resources = {CPU = 0}", "Setting ray_resources in {file} is {{'CPU': 0}}: 'CPU' must be above 0"),
        ("ray_resources = {CPU = inf}", "Setting ray_resources in {file} is {{'CPU': inf}}: 'CPU' must be above 0"),
        (
            "ray_resources = 'CPU'",
            "Setting ray_resources in {file} is 'CPU': must be names and amounts such as CPU=4,GPU=1",
        ),
        ("log_level = 'loud'", "Setting log_level in {file} is 'loud': "),
        ("data_dir = '/tmp/elsewhere'", "Setting data_dir in {file} is not allowed: "),
        ("max_age_days = 0", "Setting max_age_days in {file} is 0: "),
        ("int8_weights = 'maybe'", "Setting int8_weights in {file} is 'maybe': "),
        ("idle_unload_s = -1", "Setting idle_unload_s in {file} is -1: "),
        ("cancel_grace_s = -1", "Setting cancel_grace_s in {file} is -1: "),
        ("[osc]\nport = -1", "Setting osc.port in {file} is -1: "),
        ("[osc]\ncolour = 1", "Setting osc.colour in {file} is 1: There is no such setting."),
        ("[osc]\nallow = ['tablet']", "Setting osc.allow in {file} is ['tablet']: 'tablet' is no address"),
        ("[osc]\nfeedback = ['localhost:1']", "Setting osc.feedback in {file} is ['localhost:1']: "),
        ("[osc]\nfeedback = ['127.0.0.1:0']", "Setting osc.feedback in {file} is ['127.0.0.1:0']: "),
        ("port = ", "{file} cannot be read as TOML: "),
        (f"port = {'9' * 5000}", "{file} cannot be read as TOML: "),
        (f"port = {'[' * 5000}", "{file} cannot be read as TOML: "),
        (f"port = 0x{'f' * 6000}", "Setting port in {file} is a number with too many digits: "),
    ],
)
def test_errors_name_the_setting_and_the_file(home: Path, text: str, says: str) -> None:
    file = home / "config.toml"
    file.write_text(text)
    with pytest.raises(AceBridgeError) as caught:
        load_config()
    assert str(caught.value).startswith(says.format(file=file))
    assert caught.value.remedy
    assert ".." not in str(caught.value)


def test_the_command_line_is_blamed_for_its_own(home: Path) -> None:
    (home / "config.toml").write_text("port = 1\n")
    with pytest.raises(AceBridgeError, match=r"^Setting port in the command line is 70000: "):
        load_config(port=70000)
    (home / "config.toml").write_bytes(b"\xff")
    with pytest.raises(AceBridgeError, match="cannot be read as TOML"):
        load_config()


def test_the_environment_counts_before_the_file_and_after_the_command_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACEBRIDGE_PRECISION")
    assert not load_config().int8_weights
    (home / "config.toml").write_text("int8_weights = false\nidle_unload_s = 7\nport = 1\n")
    for name, text in {
        "INT8_WEIGHTS": "1", "PORT": "2", "DEVICES": "cuda:0,cuda:1", "ROOTS": f"/a{os.pathsep}/b", "QUOTA_BYTES": "5",
        "MODELS": "/models", "IDLE_EXIT_S": "1.5", "LOG_LEVEL": "", "RAY_RESOURCES": "CPU=4,GPU=0.5",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ACEBRIDGE_{name}", text)
    config, origins = load_settings(port=3)
    assert config.int8_weights
    assert (config.idle_unload_s, config.idle_exit_s, config.port, config.quota_bytes) == (7, 1.5, 3, 5)
    assert config.devices == ("cuda:0", "cuda:1")
    assert config.roots == (Path("/a"), Path("/b"))
    assert config.models_dir == Path("/models")
    assert config.ray_resources == {"CPU": 4, "GPU": 0.5}
    assert origins == {
        "port": "the command line",
        "idle_unload_s": str(home / "config.toml"),
        **{name: f"the environment variable {VARIABLES[name]}"
           for name in ("int8_weights", "devices", "roots", "quota_bytes", "models_dir", "idle_exit_s", "ray_resources")},
    }  # fmt: skip


def test_graphs_are_recorded_only_where_somebody_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_config().cuda_graphs
    monkeypatch.setenv("ACEBRIDGE_CUDA_GRAPHS", "true")
    assert load_config().cuda_graphs


@pytest.mark.parametrize(
    ("name", "text"), [("INT8_WEIGHTS", "maybe"), ("PORT", "x"), ("HOST", "studio"), ("IDLE_EXIT_S", "-1")]
)
def test_a_wrong_variable_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    (home / "config.toml").write_text("port = 1\nint8_weights = false\n")
    variable = f"ACEBRIDGE_{name}"
    monkeypatch.setenv(variable, text)
    says = rf"^Setting {name.lower()} in the environment variable {variable} is '{text}': "
    with pytest.raises(AceBridgeError, match=says):
        load_config()


def test_every_setting_but_the_data_folder_and_tables_has_a_variable_of_its_own() -> None:
    assert VARIABLES.keys() == Config.model_fields.keys() - {"data_dir", "tls", "auth", "osc", "http"}
    assert len(set(VARIABLES.values())) == len(VARIABLES)
    assert not {"ACEBRIDGE_HOME", "ACEBRIDGE_ADDRESS"} & set(VARIABLES.values())


@pytest.mark.parametrize("there", [False, True])
def test_the_doctor_looks_for_what_int8_needs(home: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda _: object() if there else None)
    (home / "config.toml").write_text("int8_weights = true\n")
    found = doctor._settings(None)
    assert found.ok is there
    assert there or "torchao is not installed" in found.says
    assert there or found.remedy == f"{install_remedy('neural-gpu')} Or set int8_weights to false."
    (home / "config.toml").write_text("int8_weights = false\n")
    assert doctor._settings(None).ok


def test_the_table_osc_has_defaults_and_is_none_without_it(home: Path) -> None:
    assert load_config().osc is None
    (home / "config.toml").write_text("[osc]\n")
    assert load_config().osc == OscSettings(host="127.0.0.1", port=50711, output=None, allow=(), feedback=())
    text = '[osc]\nhost = "0.0.0.0"\nport = 9000\noutput = "~/takes"\nallow = ["192.168.1.20"]\nfeedback = ["127.0.0.1:9001"]\n'
    (home / "config.toml").write_text(text)
    osc = load_config().osc
    assert osc is not None
    assert (osc.host, osc.port, osc.output, osc.allow) == ("0.0.0.0", 9000, Path.home() / "takes", ("192.168.1.20",))
    assert osc.feedback_addresses() == [("127.0.0.1", 9001)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_on_loopback_tls_is_off_unless_it_is_wanted(host: str) -> None:
    assert not Config(host=host, auth=AuthSettings(required=False)).uses_tls
    assert not Config(host=host, tls=TlsSettings(enabled=False)).uses_tls
    assert Config(host=host, tls=TlsSettings(enabled=True)).uses_tls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "fe80::1%eth0", "fd00::1"])
@pytest.mark.parametrize("enabled", [None, True])
def test_other_machines_get_in_with_tls_and_a_token_only(host: str, enabled: bool | None) -> None:
    config = Config(host=host, tls=TlsSettings(enabled=enabled))
    assert config.uses_tls
    assert config.auth.required


def test_the_table_tls_names_files_of_the_user(home: Path) -> None:
    (home / "config.toml").write_text('[tls]\ncertificate = "~/c.pem"\nkey = "/k.pem"\n')
    tls = load_config().tls
    assert (tls.enabled, tls.certificate, tls.key) == (None, Path.home() / "c.pem", Path("/k.pem"))


def test_the_data_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder() == home
    monkeypatch.setenv("ACEBRIDGE_HOME", "somewhere")
    assert data_folder() == Path.cwd() / "somewhere"
    monkeypatch.delenv("ACEBRIDGE_HOME")
    assert data_folder().name == "acebridge"


def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)


def test_without_a_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_home(monkeypatch)
    assert load_config().roots == (Path(tempfile.gettempdir()).resolve(),)
    assert doctor._settings(None).ok
    (home / "config.toml").write_text('roots = ["~"]\n')
    with pytest.raises(AceBridgeError, match="there is no home folder that ~ could mean"):
        load_config()
    says = "There is no home folder to keep data in."
    monkeypatch.setenv("ACEBRIDGE_HOME", "~/music")
    with pytest.raises(AceBridgeError, match=rf"^{says} Set the environment variable"):
        data_folder()
    monkeypatch.delenv("ACEBRIDGE_HOME")
    with pytest.raises(AceBridgeError, match=rf"^{says} Set the environment variable"):
        data_folder()
    findings = {finding.about: finding for finding in doctor.examine(None)}
    for about in ("settings", "data folder", "daemon"):
        assert (findings[about].ok, findings[about].says) == (False, says)


def test_the_path_of_the_data_folder_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(Path.cwd() / "ü" / "\udcff"))
    with pytest.raises(AceBridgeError, match=r"ü.*\ufffd, is not UTF-8\. Set the environment variable ACEBRIDGE_HOME"):
        data_folder()


def test_a_working_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert Path.home().resolve() in load_config().roots
