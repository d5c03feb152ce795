"""`$apply` and what stands behind it: days, doses, orders. Pure: what goes in decides what comes out."""

from mappings.plan.apply import Applied, Order, apply
from mappings.plan.dosing import Body
from mappings.plan.rows import COLUMNS, Row

__all__ = ["COLUMNS", "Applied", "Body", "Order", "Row", "apply"]
