"""What the routes of every stage share: where they are, and how they refuse."""

from fastapi import APIRouter

from web.openapi import RESPONSES


def stage(name: str) -> APIRouter:
    """The routes of one stage, under `/api/v1`."""
    return APIRouter(prefix="/api/v1", tags=[name], responses=RESPONSES)
