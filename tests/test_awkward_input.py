"""Whatever header, container or damage a file has: what is there is read, at its times, and the seconds add up."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from awkward import (
    CONTAINERS,
    PLAYLISTS,
    RATE,
    beep_times,
    beeps,
    damaged,
    encoded,
    flac_without_length,
    mp3_without_xing,
    wav,
    with_size,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intone.audio.account import DAMAGED, NO_SOUND
from intone.audio.clip import duration
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording
from intone.errors import BadClip

SOUND = beeps(5.0)
EXPECTED = [0.2, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2, 3.7, 4.2, 4.7]
NEAR = 0.05
"""Seconds: codecs fill up a frame, and shift by less."""


def read(data: bytes, tmp_path: Path, ending: str, track: int | None = None):
    """The sound [samples] at 16 kHz, sentences, and what was left out."""
    path = tmp_path / f"a.{ending}"
    path.write_bytes(data)
    sound = Recording.of_file(path, track=track).sound()
    return np.concatenate(list(sound.blocks)), sound.notes, sound.left_out


def near(found: list[float], expected: list[float], files: int = 1) -> None:
    off = np.abs(np.array(found) - expected).max() if len(found) == len(expected) else np.inf
    assert off <= files * NEAR, (found, expected)  # what each file's codec adds, all that is behind it is shifted by


@pytest.mark.parametrize("ending", CONTAINERS)
def test_an_ordinary_file_is_read_whole_and_without_a_word(ending, tmp_path):
    signal, notes, left_out = read(encoded(ending, SOUND), tmp_path, ending)
    near(beep_times(signal), EXPECTED)
    assert len(signal) / SAMPLE_RATE == pytest.approx(5, abs=NEAR)
    assert notes == [] and sum(part.seconds for part in left_out) < NEAR


@pytest.mark.parametrize("ending", CONTAINERS)
def test_of_joined_files_every_one_is_read(ending, tmp_path):
    data = encoded(ending, SOUND) + encoded(ending, beeps(3.0))
    signal, notes, left_out = read(data, tmp_path, ending)
    near(beep_times(signal), [*EXPECTED, *(5 + t for t in EXPECTED if t < 3)], files=2)
    assert not left_out and len(notes) <= 1


LIES = {
    "wav, placeholder of sox": lambda: with_size(wav(SOUND), 0x7FFFF000),
    "wav, largest signed number": lambda: with_size(wav(SOUND), 0x7FFFFFFF),
    "wav, largest number": lambda: with_size(wav(SOUND), 0xFFFFFFFF),
    "wav, zero": lambda: with_size(wav(SOUND), 0),
    "wav, one byte too few": lambda: wav(SOUND)[:-1],
    "wav, first chunk": lambda: with_size(wav(SOUND), RATE),
    "wav, 24 bits, first chunk": lambda: with_size(wav(SOUND, "PCM_24"), RATE),
    "flac without length": lambda: flac_without_length(SOUND),
    "mp3 without xing": lambda: mp3_without_xing(SOUND),
}


@pytest.mark.parametrize("kind", LIES)
def test_a_header_is_not_believed_over_the_sound(kind, tmp_path):
    signal, notes, left_out = read(LIES[kind](), tmp_path, kind[:4].strip(","))
    near(beep_times(signal), EXPECTED)
    assert not left_out
    assert len(notes) == kind.startswith("wav")
    assert not any("truncated" in note for note in notes)
    assert duration(tmp_path / f"a.{kind[:4].strip(',')}") == pytest.approx(5, abs=NEAR)


@pytest.mark.parametrize("size", [0, 1 << 20, 0xFFFFFFF0])
def test_a_box_of_sound_that_claims_the_index_behind_it_hides_nothing(size, tmp_path):
    data = bytearray(encoded("m4a", SOUND))
    place = data.index(b"mdat") - 4
    data[place : place + 4] = size.to_bytes(4, "big")
    signal, notes, left_out = read(bytes(data), tmp_path, "m4a")
    near(beep_times(signal), EXPECTED)
    assert len(notes) == 1 and "hid its index" in notes[0] and not left_out


def test_tags_behind_the_samples_of_a_wav_are_no_sound(tmp_path):
    tag = b"LIST" + (900_000).to_bytes(4, "little") + b"INFO" + bytes(range(256)) * 3000
    for behind in (tag, tag[: len(tag) // 2], bytes(4096), b"", b"\0"):
        signal, notes, _ = read(wav(SOUND) + behind, tmp_path, "wav")
        assert len(signal) == 5 * SAMPLE_RATE and notes == []


@pytest.mark.parametrize("ending", ["wav", "flac", "webm", "mka", "mp3", "aiff"])
def test_truncated_is_said_where_the_container_proves_it(ending, tmp_path):
    data = encoded(ending, SOUND)
    signal, notes, _ = read(data[: round(0.6 * len(data))], tmp_path, ending)
    [note] = notes
    assert "truncated" in note and f"{len(signal) / SAMPLE_RATE:.1f} s" in note
    near(beep_times(signal)[:3], EXPECTED[:3])


@pytest.mark.parametrize("ending", ["aac", "opus", "ts", "mpg"])
def test_truncated_is_not_said_where_nothing_proves_it(ending, tmp_path):
    data = encoded(ending, SOUND)
    signal, notes, _ = read(data[: round(0.6 * len(data))], tmp_path, ending)
    assert not any("truncated" in note for note in notes)
    near(beep_times(signal)[:5], EXPECTED[:5])


@pytest.mark.parametrize("ending", ["m4a", "mka", "flac", "opus", "ts", "flv", "mpg", "mp3"])
def test_a_damaged_packet_costs_that_packet(ending, tmp_path):
    signal, notes, left_out = read(damaged(encoded(ending, SOUND)), tmp_path, ending)
    lost = sum(part.seconds for part in left_out)
    assert len(signal) / SAMPLE_RATE == pytest.approx(5, abs=0.2 if ending == "mp3" else NEAR)
    # Ogg's checksum is one of a page, which holds a second; Matroska may go on with its next cluster alone.
    assert lost < {"opus": 1.1, "mka": 3.0}.get(ending, 0.3)
    assert {part.reason for part in left_out} <= {DAMAGED, NO_SOUND}
    assert len(notes) == (lost >= 0.01)
    first = beep_times(signal)
    assert sum(any(abs(a - b) <= 0.1 for b in EXPECTED) for a in first) >= (4 if ending == "mka" else 7)


@pytest.mark.parametrize("late", [4.0, 15.0])
@pytest.mark.parametrize("ending", ["m4a", "mka", "mov", "ts", "flv", "alac.m4a"])
def test_a_track_that_begins_late_keeps_the_times_of_the_file(ending, late, tmp_path):
    data = encoded(ending, SOUND, late=late, video=late + 5.5)
    signal, notes, left_out = read(data, tmp_path, ending)
    near(beep_times(signal), [late + t for t in EXPECTED])
    [gap] = [part for part in left_out if part.seconds > NEAR]
    assert gap.reason == NO_SOUND and (gap.start, gap.end) == pytest.approx((0, late), abs=NEAR) and notes == []


@pytest.mark.parametrize("ending", ["m4a", "mka", "webm", "ts"])
def test_a_gap_in_the_times_is_silence(ending, tmp_path):
    signal, notes, left_out = read(encoded(ending, SOUND, gap=(2.5, 3.0)), tmp_path, ending)
    near(beep_times(signal), [t if t < 2.5 else t + 3 for t in EXPECTED])
    assert sum(part.seconds for part in left_out) == pytest.approx(3, abs=NEAR)
    assert len(notes) == 1 and "gap" in notes[0] and "2.5 s" in notes[0]


@pytest.mark.parametrize("ending", ["ts", "mpg"])
def test_the_clock_of_a_broadcast_may_begin_anywhere_and_jump(ending, tmp_path):
    data = encoded(ending, SOUND, late=3000.0) + encoded(ending, beeps(3.0), late=9000.0)
    signal, notes, left_out = read(data, tmp_path, ending)
    near(beep_times(signal), [*EXPECTED, *(5 + t for t in EXPECTED if t < 3)])
    assert len(notes) == 1 and not left_out


def test_of_several_tracks_the_default_one_is_taken_and_it_is_said(tmp_path):
    data = encoded("mka", np.zeros_like(SOUND), tracks=[SOUND])
    signal, notes, _ = read(data, tmp_path, "mka", track=2)
    near(beep_times(signal), EXPECTED)
    assert notes == []
    _, [note], _ = read(data, tmp_path, "mka")
    assert "2 sound tracks" in note and "--track" in note
    with pytest.raises(BadClip, match="there is no track 3"):
        read(data, tmp_path, "mka", track=3)


def test_channels_that_cancel_one_another_are_not_mixed(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([SOUND, -0.9 * SOUND], 1), RATE)
    sound = Recording.of_file(tmp_path / "a.wav").sound()
    near(beep_times(np.concatenate(list(sound.blocks))), EXPECTED)
    assert len(sound.notes) == 1 and "channel 1 alone" in sound.notes[0]


@pytest.mark.parametrize("channels", [[SOUND, SOUND], [SOUND, 0 * SOUND], [0 * SOUND, SOUND, 0 * SOUND, 0 * SOUND]])
def test_channels_that_do_not_are(channels, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack(channels, 1), RATE, subtype="FLOAT")
    sound = Recording.of_file(tmp_path / "a.wav").sound()
    signal = np.concatenate(list(sound.blocks))
    assert sound.notes == [] and np.abs(signal).max() == pytest.approx(
        0.3 * np.mean([c.any() for c in channels]), rel=0.1
    )


@pytest.mark.parametrize("layout", ["7.1", "hexadecagonal"])
def test_more_channels_than_planes_are_read_right(layout, tmp_path):
    # PyAV reads memory that isn't the frame's where a codec's frame has a plane for each of eight channels or more.
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(tmp_path / "a.opus"), "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=RATE, options={"mapping_family": "255"})
        stream.layout = layout
        for at in range(0, len(SOUND), 960):
            packed = np.repeat(SOUND[at : at + 960], channels)[None]
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts = RATE, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    sound = Recording.of_file(tmp_path / "a.opus").sound()
    near(beep_times(np.concatenate(list(sound.blocks))), EXPECTED)
    assert sound.notes == []


@pytest.mark.parametrize("decibels", [-10, -30, -50])
def test_what_is_very_quiet_is_raised_as_a_whole_and_it_is_said(decibels, tmp_path):
    factor = 10 ** (decibels / 20)
    soundfile.write(tmp_path / "a.wav", np.concatenate([factor * SOUND * np.float32(0.3)] * 15), RATE, subtype="FLOAT")
    sound = Recording.of_file(tmp_path / "a.wav").sound()
    signal = np.concatenate(list(sound.blocks))
    quiet = decibels == -50
    assert len(sound.notes) == quiet
    assert (20 * np.log10(np.abs(signal).max()) > -40) == (quiet or decibels == -10)
    blocks = signal.reshape(-1, 5 * SAMPLE_RATE)
    assert np.abs(blocks).max(1) == pytest.approx(np.abs(blocks).max(), rel=0.05)


def test_a_loud_end_keeps_a_quiet_beginning_as_it_is(tmp_path):
    quiet = np.concatenate([1e-4 * SOUND] * 14)
    soundfile.write(tmp_path / "a.wav", np.concatenate([quiet, SOUND]), RATE, subtype="FLOAT")
    sound = Recording.of_file(tmp_path / "a.wav").sound()
    signal = np.concatenate(list(sound.blocks))
    assert sound.notes == [] and np.abs(signal[: 60 * SAMPLE_RATE]).max() < 1e-4


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(sorted(CONTAINERS)),
    seconds=st.floats(0.8, 3.0),
    channels=st.integers(1, 2),
    what=st.sampled_from(["whole", "cut", "joined", "damaged", "gap"]),
    share=st.floats(0.2, 0.9),
    seed=st.integers(0, 99),
)
def test_the_seconds_add_up(tmp_path, ending, seconds, channels, what, share, seed):
    sound = beeps(seconds)
    gap = (share * seconds, 1.5) if what == "gap" and ending in ("m4a", "mka", "webm", "flv") else None
    data = encoded(ending, sound, channels, gap=gap)
    there = seconds + (1.5 if gap else 0.0)
    if what == "cut":
        data = data[: round(share * len(data))]
    elif what == "damaged":
        data = damaged(data, share, seed=seed)
    elif what == "joined":
        data, there = data + data, 2 * seconds
    try:
        signal, notes, left_out = read(data, tmp_path, ending)
    except BadClip:
        assert what in ("cut", "damaged")
        return
    length = len(signal) / SAMPLE_RATE
    lost = sum(part.seconds for part in left_out)
    assert 0 <= lost <= length + NEAR
    assert all(0 <= part.start <= part.end <= length + NEAR for part in left_out)
    if what in ("whole", "joined") or gap:
        assert length == pytest.approx(there, abs=0.1)
    elif what == "cut":
        assert length <= there + NEAR
    assert not notes or what != "whole"


@pytest.mark.parametrize("ending", ["m3u8", "mp3", "wav", "mp4", "mpd", "sdp", "txt", "ogg", ""])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_and_what_it_names_stays_shut(kind, ending, tmp_path):
    secret = tmp_path / "secret.flac"
    os.mkfifo(secret)  # whoever opens it waits for ever, and this test with it
    for end in ("ended", "live"):
        path = tmp_path / (f"p.{ending}" if ending else "p")
        path.write_text(PLAYLISTS[kind](str(secret), end), encoding="utf-8")
        with pytest.raises(BadClip) as refused:
            list(Recording.of_file(path).blocks())
        assert "\n" not in str(refused.value) and str(path) in str(refused.value)


def test_a_film_that_keeps_its_sound_in_another_file_does_not_open_it(tmp_path):
    data = bytearray(encoded("mov", SOUND))
    place = data.index(b"alis" if b"alis" in data else b"url ")
    data[place + 4 : place + 8] = bytes(4)  # no longer "in this file"
    (tmp_path / "a.mov").write_bytes(data)
    sound = Recording.of_file(tmp_path / "a.mov").sound()
    assert len(np.concatenate(list(sound.blocks))) / SAMPLE_RATE == pytest.approx(5, abs=NEAR)


def test_ffmpeg_is_given_no_name_and_nothing_else_to_open(tmp_path, monkeypatch):
    given_to = []
    real = av.open

    def watched(file, *args, **options):
        given_to.append((file, options))
        return real(file, *args, **options)

    data = encoded("m4a", SOUND)
    monkeypatch.setattr(av, "open", watched)
    read(data, tmp_path, "m4a")
    [(file, options)] = given_to
    assert not isinstance(file, str | bytes | os.PathLike) and "hls" not in options["options"]["format_whitelist"]
    with pytest.raises(PermissionError):
        options["io_open"]("secret.flac", 1, {})
