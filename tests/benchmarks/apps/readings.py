"""What the workload "models" sends."""

from pydantic import BaseModel


class Reading(BaseModel):
    event: str
    text: str
    tags: list[str] = ["a", "b"]
    limits: dict[str, float] = {"low": 0.5, "high": 99.5}
