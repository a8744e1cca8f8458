"""Makes tests/tensorboard/fixtures: event files of other writers, tiny, and what those writers' own protobuf library reads
in them. The tests read the same files with @runcast/tensorboard and compare value by value.

Committed files are what the tests use; this is needed only to make them again, in an environment of its own:

    python3 -m venv /tmp/fixtures && /tmp/fixtures/bin/pip install tensorboardX==2.6.5 tensorboard==2.21.0 pillow
    /tmp/fixtures/bin/python scripts/make-event-fixtures.py
"""

import base64
import json
import pathlib
import shutil
import struct

import numpy as np
from google.protobuf.json_format import MessageToDict
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
from tensorboard.plugins.histogram import summary_v2 as histogram
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.scalar import summary_v2 as scalar
from tensorboard.plugins.text import summary_v2 as text
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util
from tensorboardX import SummaryWriter

TIME = 1_795_238_781.25
FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "tensorboard" / "fixtures"
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(3, 2, 3) * 10


def make_tensorboardx(folder):
    with SummaryWriter(str(folder)) as writer:
        for step in range(3):
            writer.add_scalar("train/loss", 1 / (step + 1), step, walltime=TIME + step)
        writer.add_scalar("zero", 0.0, 0, walltime=TIME)
        for step, value in enumerate([float("nan"), float("inf"), float("-inf"), -0.0]):
            writer.add_scalar("special", value, step, walltime=TIME + step)
        writer.add_scalar("Größe/損失 🎉", 7.5, 4, walltime=TIME)
        writer.add_scalar("described", 1.5, 1, walltime=TIME, display_name="shown", summary_description="What *it* is")
        writer.add_scalar("far", 2.5, 2**53 + 1, walltime=TIME)
        writer.add_scalars("both", {"train": 0.5, "val": 0.75}, 3, walltime=TIME)
        writer.add_histogram("weights", np.array([-1.0, 0.0, 0.1, 0.1, 2.5]), 1, walltime=TIME)
        writer.add_histogram("bins", np.array([0.0, 5.0, 10.0]), 1, bins=[-5, 0, 1, 4, 6, 20, 30], walltime=TIME)
        writer.add_histogram("constant", np.ones(10), 1, walltime=TIME)
        writer.add_image("picture", PIXELS, 2, walltime=TIME, dataformats="HWC")
        writer.add_text("notes", "some *text*\nüber", 2, walltime=TIME)
        writer.add_hparams({"lr": 0.25, "layers": 3, "model": "bigram", "shuffle": True}, {"final": 0.5}, name="trial")
    with SummaryWriter(str(folder / "resumed"), purge_step=5) as writer:
        writer.add_scalar("train/loss", 0.125, 5, walltime=TIME)


def event(summary=None, step=0, **fields):
    return event_pb2.Event(wall_time=TIME + step % 100, step=step, summary=summary, **fields)


def images(tag, *encoded):
    tensor = tensor_util.make_tensor_proto([b"2", b"3", *encoded])
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="images"), data_class=3
    )
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def plain(tag, plugin, tensor, data_class=0):
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin), data_class=data_class
    )
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def hparams(tag, **content):
    data = plugin_data_pb2.HParamsPluginData(**content).SerializeToString()
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="hparams", content=data)
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=f"_hparams_/{tag}", metadata=metadata)])


def make_tensorboard(folder):
    writer = EventFileWriter(str(folder))
    for step in range(3):
        writer.add_event(event(scalar.scalar_pb("train/loss", 1 / (step + 1), "Mean *loss*"), step))
    later = scalar.scalar_pb("train/loss", 0.0)
    later.value[0].ClearField("metadata")
    writer.add_event(event(later, 3))
    writer.add_event(event(scalar.scalar_pb("negative", -1.5), -5))
    writer.add_event(event(scalar.scalar_pb("far", 3.5), 2**62))
    writer.add_event(event(plain("double", "scalars", tensor_util.make_tensor_proto(0.1, dtype=np.float64)), 1))
    packed = tensor_pb2.TensorProto(dtype=1, tensor_content=struct.pack("<f", 0.75))
    writer.add_event(event(plain("content", "mine", packed, 1), 1))
    writer.add_event(event(histogram.histogram_pb("weights", np.array([-1.0, 0.0, 0.1, 0.1, 2.5]), buckets=4), 1))
    writer.add_event(event(histogram.histogram_pb("constant", np.ones(10), buckets=3), 2))
    writer.add_event(event(text.text_pb("notes", "rank *0*"), 1))
    writer.add_event(event(text.text_pb("cells", np.array([["a", "ü"], ["c", "d"]])), 1))
    writer.add_event(event(images("pictures", b"\x89PNG one", b"\x89PNG two"), 1))
    writer.add_event(event(plain("curves", "pr_curves", tensor_util.make_tensor_proto([[0.5, 0.25]])), 1))
    infos = [
        api_pb2.HParamInfo(name="lr", display_name="rate", type="DATA_TYPE_FLOAT64", domain_interval={"max_value": 1.0}),
        api_pb2.HParamInfo(name="model", description="family", type="DATA_TYPE_STRING"),
    ]
    metric = api_pb2.MetricInfo(display_name="loss", description="the loss")
    metric.name.group, metric.name.tag = "sub", "train/loss"
    experiment = api_pb2.Experiment(
        hparam_infos=infos, metric_infos=[metric], user="someone", description="Why", time_created_secs=4.5
    )
    start = plugin_data_pb2.SessionStartInfo(group_name="group", start_time_secs=5.5)
    start.hparams["lr"].number_value = 0.25
    start.hparams["model"].string_value = "bigram"
    start.hparams["on"].bool_value = False
    start.hparams["none"].null_value = 0
    end = plugin_data_pb2.SessionEndInfo(status="STATUS_FAILURE", end_time_secs=9.25)
    writer.add_event(event(hparams("experiment", experiment=experiment)))
    writer.add_event(event(hparams("session_start_info", session_start_info=start)))
    writer.add_event(event(hparams("session_end_info", session_end_info=end)))
    sound = summary_pb2.Summary.Audio(sample_rate=8000.0, num_channels=1, encoded_audio_string=b"RIFF")
    writer.add_event(event(summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="sound", audio=sound)]), 1))
    writer.add_event(event(summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="nothing")]), 1))
    writer.add_event(event(step=6, session_log=event_pb2.SessionLog(status="CHECKPOINT", checkpoint_path="x")))
    writer.add_event(event(step=1, graph_def=b"graph"))
    writer.add_event(event(step=1, log_message=event_pb2.LogMessage(message="hello")))
    writer.add_event(event(step=1, tagged_run_metadata=event_pb2.TaggedRunMetadata(tag="run")))
    writer.add_event(event(step=1, meta_graph_def=b"meta"))
    writer.add_event(event(step=1))
    writer.close()


def rename(folder):
    """Names without a host, a process and a clock, in the same order."""
    for directory in {path.parent for path in folder.rglob("*tfevents*")}:
        for index, path in enumerate(sorted(directory.glob("*tfevents*"))):
            path.rename(directory / f"events.out.tfevents.{1_700_000_000 + index}.fixture.1.0")


def frames(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += length + 16


def number(value):
    """JSON has no NaN and no infinities."""
    value = float(value)
    return value if np.isfinite(value) else str(value)


def encoded(data):
    return base64.b64encode(data).decode()


def value_json(value):
    form = value.WhichOneof("value")
    plugin = value.metadata.plugin_data
    result = {"tag": value.tag, "plugin": plugin.plugin_name, "description": value.metadata.summary_description}
    if form == "simple_value":
        result["simple_value"] = number(value.simple_value)
    elif form == "histo":
        histo = value.histo
        result["histo"] = {
            "min": number(histo.min),
            "max": number(histo.max),
            "limits": [number(limit) for limit in histo.bucket_limit],
            "counts": [number(count) for count in histo.bucket],
        }
    elif form == "image":
        image = value.image
        result["image"] = {"width": image.width, "height": image.height, "file": encoded(image.encoded_image_string)}
    elif form == "tensor":
        array = tensor_util.make_ndarray(value.tensor)
        if value.tensor.dtype == 7:
            cells = [encoded(cell) for cell in array.flatten()]
        else:
            cells = [number(cell) for cell in array.flatten()]
        result["tensor"] = {"shape": list(array.shape), "values": cells}
    if plugin.plugin_name == "hparams":
        content = plugin_data_pb2.HParamsPluginData.FromString(plugin.content)
        result["hparams"] = MessageToDict(content)
    result["form"] = form or "none"
    return result


def expected(folder):
    """Every event of every file, as the protobuf library reads it."""
    events = []
    for path in sorted(folder.rglob("*tfevents*"), key=lambda found: str(found.relative_to(folder).parent)):
        run = path.relative_to(folder).parent.as_posix()
        for frame in frames(path.read_bytes()):
            message = event_pb2.Event.FromString(frame)
            events.append(
                {
                    "run": run,
                    # A string, since JSON's numbers end at 2^53.
                    "step": str(message.step),
                    "wall_time": message.wall_time,
                    "form": message.WhichOneof("what") or "none",
                    "values": [value_json(value) for value in message.summary.value],
                }
            )
    return events


def main():
    for name, make in {"tensorboardx": make_tensorboardx, "tensorboard": make_tensorboard}.items():
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        rename(folder)
        events = expected(folder)
        lines = [json.dumps(found, ensure_ascii=False) + "\n" for found in events]
        (FOLDER / f"{name}.jsonl").write_text("".join(lines))
        print(name, len(events), "events")


main()
