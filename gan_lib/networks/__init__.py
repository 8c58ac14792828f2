"""Networks: a generator and a discriminator in each module, made from numbers."""

from .report import ReportDiscriminator, ReportGenerator

NETWORKS = {"report": (ReportGenerator, ReportDiscriminator)}

__all__ = ["NETWORKS", "ReportDiscriminator", "ReportGenerator"]
