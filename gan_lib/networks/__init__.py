"""Networks: a generator and a discriminator in each module, made from numbers."""

from functools import partial

from .dcgan import ConvDiscriminator, PlainGenerator
from .modern import ModernDiscriminator, ModernGenerator
from .report import ReportDiscriminator, ReportGenerator

#: Pairs of networks by name, the generator to be called with the size of its latent: "report", "report-conv",
#: "plain-conv", "modern" and "modern-conv".
NETWORKS = {
    "report": (ReportGenerator, ReportDiscriminator),
    "report-conv": (ReportGenerator, ConvDiscriminator),
    "plain-conv": (PlainGenerator, partial(ConvDiscriminator, batch_norm=False)),
    "modern": (ModernGenerator, ModernDiscriminator),
    "modern-conv": (ModernGenerator, partial(ConvDiscriminator, width=48, batch_norm=False)),
}

__all__ = [
    "NETWORKS", "ConvDiscriminator", "ModernDiscriminator", "ModernGenerator", "PlainGenerator",
    "ReportDiscriminator", "ReportGenerator",
]  # fmt: skip
