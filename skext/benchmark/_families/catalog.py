"""The tracks of the benchmark: one line for each folder."""

from importlib import import_module

from skext.benchmark._engine.track import register

# In the order of reports. A track comes after those whose methods are its guests.
FOLDERS = (
    "base",
    "imbalanced",
    "ordinal",
    "probes",
    "llp",
    "neural",
    "quantile",
    "clustering",
)

for _folder in FOLDERS:
    for _track in import_module(f"{__package__}.{_folder}.track").TRACKS:
        register(_track)
