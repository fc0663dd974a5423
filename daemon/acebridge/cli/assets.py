"""``acebridge assets``: list, upload, download, pin and delete stored audio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acebridge.cli import listing
from acebridge.cli.json_output import print_json
from acebridge.cli.listing import All, Limit
from acebridge.cli.options import Address, AsJson, NoAutostart
from acebridge.client.connection import connect
from acebridge.contract.json_form import message_json

AssetId = Annotated[str, typer.Argument(help="Id of the asset, or a unique prefix.", show_default=False)]

assets = typer.Typer(help="List, upload, download, pin and delete stored audio.", invoke_without_command=True)


@assets.callback()
def list_assets(
    context: typer.Context,
    limit: Limit = 20,
    everything: All = False,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """List the newest stored audio files."""
    if context.invoked_subcommand is not None:
        return
    with connect(address, autostart=not no_autostart) as client:
        listed = listing.newest_assets(client, None if everything else limit)
    if json:
        print_json([message_json(asset) for asset in listed])
    else:
        listing.show_assets(listed)


@assets.command("upload")
def upload_asset(
    file: Annotated[Path, typer.Argument(help="Audio file.", show_default=False)], address: Address = None
) -> None:
    """Store a file; prints its id."""
    with connect(address, autostart=True) as client:
        typer.echo(client.upload(file).asset_id)


@assets.command("download")
def download_asset(
    asset_id: AssetId,
    out: Annotated[str, typer.Option("--out", "-o", help="File to write.", metavar="PATH")],
    address: Address = None,
) -> None:
    """Write a stored file; a WAV file in the format that the name ends in."""
    from acebridge.atomic_files import check_writable, write_whole
    from acebridge.cli.files import names_folder, write_as
    from acestep_runtime.errors import InvalidValue

    path = Path(out)
    if names_folder(out) or path.is_dir():
        raise InvalidValue("--out", out, "the name of a file", remedy=f"Write for example {path / 'song.wav'}.")
    check_writable(path.parent)
    with connect(address, autostart=True) as client:
        write_whole(path, client.download(listing.whole_asset_id(client, asset_id)))
    for note in write_as(path):
        typer.echo(f"warning: {note}", err=True)
    typer.echo(out)


@assets.command("pin")
def pin_asset(
    asset_id: AssetId,
    off: Annotated[bool, typer.Option("--off", help="Unpin.")] = False,
    address: Address = None,
) -> None:
    """Exempt a stored file from eviction."""
    from acebridge.v1 import assets_pb2

    with connect(address, autostart=True) as client:
        asset_id = listing.whole_asset_id(client, asset_id)
        if off:
            client.call(client.assets.UnpinAsset, assets_pb2.UnpinAssetRequest(asset_id=asset_id))
        else:
            client.call(client.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=asset_id))
    typer.echo("unpinned" if off else "pinned")


@assets.command("delete")
def delete_asset(asset_id: AssetId, address: Address = None) -> None:
    """Delete a stored file."""
    from acebridge.v1 import assets_pb2

    with connect(address, autostart=True) as client:
        asset_id = listing.whole_asset_id(client, asset_id)
        client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset_id))
    typer.echo("deleted")
