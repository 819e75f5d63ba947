"""Figure A.3 of the paper: learning curves of the MLPs on MNIST by learning rate.

Test accuracy, loss, R_IG = |∇E|²/m, R_IG/E, slope and |θ| of the models of the compared width along
their training. A line is the mean over seeds, geometric where the axis is logarithmic, a band
reaches from the least seed to the largest, and the points are where Figure 2 compares the models.
Where one seed diverges, the line of its learning rate ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_panels import Colour, colours_of_rates, exclusions, foot, mean, name_axes, values
from mnist_tables import Tables, at_best, grouped, select, show
from table_and_figure import Row, drawing, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "figure_a3"
PANELS = (
    ("(a) Test accuracy", "test_accuracy"),
    ("(b) Loss", "loss"),
    ("(c) Regularizer", "regularizer"),
    ("(d) Regularizer relative to E", "regularizer_over_loss"),
    ("(e) Slope", "slope"),
    ("(f) Size of the parameters", "norm"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step; one is marked as the one where the model is compared.

    `excluded` says why Figure 2 does not compare a model. Its curve is drawn all the same.
    """
    models = tables.models(tables.compared_width)
    rows: list[Row] = []
    for model, compared in zip(models, select(models, at_best), strict=True):
        for measured in model.rows:
            (row,) = select([model], lambda _, measured=measured: measured)
            here = row["step"] == compared["step"]
            marks = {"compared": "here" if here else None, "excluded": compared["excluded"]}
            rows.append({**row, **marks, "diverged_at": model.diverged_at})
    return rows


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    rates = grouped(rows, ["learning_rate"])
    colours = colours_of_rates(h for (h,) in rates)
    with drawing(png, size=(13, 8)) as figure:
        for axes, (title, name) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
            for (h,), models in rates.items():
                draw_curve(axes, models, name, colours[h])
            name_axes(axes, "step", name)
            axes.set_title(title, weight="bold")
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside right upper", title="learning rate"
        )
        foot(
            figure,
            f"$n_l$ = {rows[0]['width']:g}. Points: where Figure 2 compares the models. "
            + exclusions(rows, table.name),
        )


def draw_curve(axes: Axes, rows: Sequence[Row], name: str, colour: Colour) -> None:
    """The mean and the range over seeds, as long as none has diverged, and where it is compared."""
    seeds = {row["seed"] for row in rows}
    by_step = {
        step: found
        for (step,), found in grouped(rows, ["step"]).items()
        if len(found) == len(seeds) and len(values(found, name))
    }
    spread = [(values(found, name), mean(found, name)) for found in by_step.values()]
    middle = [average for _, average in spread]
    low, high = ([limit(each) for each, _ in spread] for limit in (min, max))
    label = f"$h$ = {rows[0]['learning_rate']:g}"
    axes.fill_between(list(by_step), low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(list(by_step), middle, color=colour, linewidth=1.6, label=label)
    compared = [row for row in rows if row["compared"]]
    axes.plot(
        values(compared, "step"), values(compared, name), "o", color=colour, markersize=5,
        markeredgecolor="white", zorder=3,
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table, draw)


if __name__ == "__main__":
    main()
