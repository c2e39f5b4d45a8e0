"""*Gradient Guidance for Diffusion Models*, reproduced: one module a statement, and the page that shows them.

Guo, Yuan, Yang, Chen, Wang, NeurIPS 2024, arXiv 2404.14743. `gdopt bench paper` runs it.
"""

from gdopt_problems.paper.report import run

__all__ = ["run"]
