"""Sound over a WebSocket (16-bit mono PCM, 16 kHz) -> what is said in it, four times a second, adapting to the voice.

The client sends binary frames of any size up to `MAX_FRAME`; the service answers with JSON. Sound that arrives faster
than it can be heard ends the stream with a sentence: nothing is left out silently.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from intone.audio.frames import SAMPLE_RATE
from intone.errors import IntoneError
from intone.inference.microphone import Live, Moment
from intone.inference.model import Model
from intone.progress import say

MAX_FRAME: Final = 2 * 10 * SAMPLE_RATE
"""Bytes of a frame at most: ten seconds."""

STEP: Final = SAMPLE_RATE // 4
"""Samples between two answers: a label follows the end of speech within a quarter of a second and the model's time."""

MAX_WAITING: Final = 40
"""Steps that may wait to be heard: ten seconds."""

MOST: Final = 8
"""Streams at once."""

IDLE_S: Final = 60.0
"""Seconds without sound after which a stream ends."""

TOO_FAST: Final = "The sound arrives faster than it can be heard: send it as it is spoken, or use /v1/jobs."


@dataclass
class Streams:
    """All streams of one service."""

    path: Path
    """The model file; it is loaded when the first stream begins."""
    most: int = MOST
    open: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @cached_property
    def model(self) -> Model:
        """The model that hears all streams, one thread each."""
        return Model(self.path, 1)

    async def serve(self, socket: WebSocket) -> None:
        """One stream, from its beginning to its end."""
        await socket.accept()
        if self.open >= self.most:
            await refuse(socket, 1013, f"{self.most} streams are open already: try again later.")
            return
        self.open += 1
        try:
            async with self.lock:
                model = await asyncio.to_thread(lambda: self.model)
            await Stream(socket, Live(model)).run()
        except WebSocketDisconnect:
            pass  # the client has left, which ends a stream as well as its last word
        except IntoneError as problem:
            await refuse(socket, 1011, str(problem))
        except Exception as problem:
            say(f"A stream ended ({type(problem).__name__}: {problem}); please report this.")
            await refuse(socket, 1011, "The stream failed: please report this.")
        finally:
            self.open -= 1


@dataclass
class Stream:
    """One client's sound and its answers."""

    socket: WebSocket
    live: Live
    blocks: "asyncio.Queue[np.ndarray]" = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    rest: bytes = b""
    heard: int = 0
    """Samples that were answered."""

    async def run(self) -> None:
        """Until the client leaves, or sends what won't do."""
        answering = asyncio.create_task(self._answering())
        receiving = asyncio.create_task(self._receiving())
        try:
            done, _ = await asyncio.wait({answering, receiving}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (answering, receiving):
                task.cancel()
            # How the first one ended was raised above; the other one only ends with it.
            await asyncio.gather(answering, receiving, return_exceptions=True)

    async def _receiving(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self.socket.receive(), IDLE_S)
            except TimeoutError:
                return await refuse(self.socket, 1000, f"No sound came for {IDLE_S:g} s.")
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            data = message.get("bytes")
            if data is None:
                return await refuse(self.socket, 1003, "A stream takes binary frames alone: 16-bit mono PCM at 16 kHz.")
            self.rest += data
            while len(self.rest) >= 2 * STEP:
                block, self.rest = self.rest[: 2 * STEP], self.rest[2 * STEP :]
                try:
                    self.blocks.put_nowait(np.frombuffer(block, "<i2").astype(np.float32) / 32768)
                except asyncio.QueueFull:
                    return await refuse(self.socket, 1008, TOO_FAST)

    async def _answering(self) -> None:
        while True:
            block = await self.blocks.get()
            moment = await asyncio.to_thread(self.live.heard, block)
            self.heard += len(block)
            await self.socket.send_json(told(moment, self.heard / SAMPLE_RATE))


def told(moment: Moment, time: float) -> dict[str, Any]:
    """What a client gets for each step; `time`: seconds since the stream began."""
    state = "end" if moment.ended else "silence" if moment.emotion is None else "speech"
    found = {name: round(p, 4) for name, p in moment.probabilities.items()}
    return {
        "time": round(time, 3),
        "state": state,
        "emotion": moment.emotion,
        "confidence": max(found.values(), default=0.0),
        "probabilities": found,
        "adapted": moment.adapted,
    }


async def refuse(socket: WebSocket, code: int, sentence: str) -> None:
    """End a stream with a sentence."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has ended already
        await socket.send_json({"error": sentence})
        await socket.close(code, sentence[:120])
