"""Where the weights of timm's authors come from: Hugging Face, or what was fetched from there once.

Weights that are on this machine are used without asking the network for newer ones; where there is
neither, that is said at once, instead of after a minute of retries.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..errors import ModelError

__all__ = ["fetched"]

FILES = ("model.safetensors", "pytorch_model.bin")
SECONDS = 10.0
"""To wait for an answer of Hugging Face."""


def fetched(name: str, known: Any) -> dict[str, Any]:
    """Fetch weights if need be; the settings with which timm creates a network that has them.

    Args:
        name: of the network, in timm.
        known: what timm knows about its weights.

    Raises:
        ModelError: there are none, or they are not here and cannot be fetched.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError

    if not known.hf_hub_id:
        raise ModelError(
            f"Nobody has published weights of timm:{name}. Leave out --pretrained, or choose a"
            " network that has some: doodlewise models list --timm PART_OF_NAME"
        )
    repository, _, revision = known.hf_hub_id.partition("@")
    files = (known.hf_hub_filename,) if known.hf_hub_filename else FILES
    found: Any = None
    for file in files:
        found = found or try_to_load_from_cache(repository, file, revision=revision or None)
    if not isinstance(found, str):
        _require_network(name, repository, constants)
        try:
            try:
                found = hf_hub_download(repository, files[0], revision=revision or None)
            except EntryNotFoundError:
                found = hf_hub_download(repository, files[-1], revision=revision or None)
        # Network, rights and disk, each with errors of several libraries.
        except Exception as error:
            reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
            raise _unreachable(name, repository, constants, reason) from error
    return {"pretrained": True, "pretrained_cfg_overlay": {"file": str(Path(found))}}


def _require_network(name: str, repository: str, constants: Any) -> None:
    if constants.HF_HUB_OFFLINE:
        raise _unreachable(name, repository, constants, "HF_HUB_OFFLINE is set")
    if getproxies():
        return
    place = urlsplit(constants.ENDPOINT)
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        socket.create_connection((place.hostname or "", port), SECONDS).close()
    except OSError as error:
        reason = f"{place.hostname} cannot be reached: {error.strerror or error}"
        raise _unreachable(name, repository, constants, reason) from error


def _unreachable(name: str, repository: str, constants: Any, reason: str) -> ModelError:
    folder = f"models--{repository.replace('/', '--')}"
    return ModelError(
        f"The weights of timm:{name} are not on this machine and cannot be fetched ({reason})."
        f" Connect and try again; or copy the folder {folder} from a machine that has fetched"
        f" them into {constants.HF_HUB_CACHE}; or leave out --pretrained."
    )
