"""The steps of pipelines that were trained, as their folders or the catalog recorded them."""

from __future__ import annotations

from contextlib import suppress

from storage.catalog import Catalog
from storage.chains import Chain, chain_of_config, chain_of_record
from storage.errors import Corrupt, NotFound
from storage.places import Places
from storage.records import PipelineRecord, read_document


def recorded_chain(catalog: Catalog, places: Places, prediction_id: str) -> Chain:
    """The steps of a prediction's pipeline, also where its folder is gone. Raises NotFound for an unknown one."""
    row = catalog.get(prediction_id)
    name = str(row["pipeline_name"] or row["pipeline_id"])
    folder = places.pipeline(prediction_id)
    with suppress(NotFound, Corrupt):  # the catalog knows the steps, too, if not which parameters were chosen
        if folder is not None:
            record = read_document(folder / "pipeline.json", PipelineRecord)
            return chain_of_record(prediction_id, name, record)
    return chain_of_config(prediction_id, name, catalog.config(prediction_id))
