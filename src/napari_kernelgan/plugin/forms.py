"""Forms: labelled widgets, those for a configuration model, and a fold that hides them.

Fields, defaults, limits and explanations of settings are written in `config` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgui.widgets import ComboBox, Container, LineEdit, LiteralEvalLineEdit, PushButton, SpinBox
from magicgui.widgets.bases import ValueWidget, Widget
from pydantic import BaseModel
from qtpy.QtWidgets import QFormLayout

from ..config import resolve
from ..errors import InputError

MOST = 10**9  # of integers without an upper limit
LABEL = 80
"""px of a label at least, so that forms below each other are in line."""
CUSTOM = "custom"


class Form(Container):
    """Widgets in a column, their labels in another.

    Qt's own form keeps the columns straight in every font; magicgui measures its labels without napari's style.

    Parameters
    ----------
    rows : dict
        Label to widget.
    """

    def __init__(self, rows: Mapping[str, Widget]) -> None:
        super().__init__(labels=False)
        self._rows = dict(rows)
        self.margins = (0, 0, 0, 0)
        self._form = form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, widget in rows.items():
            form.addRow(label, widget.native)
            if label:
                form.labelForField(widget.native).setToolTip(widget.tooltip)
                form.labelForField(widget.native).setMinimumWidth(LABEL)
        self.native.layout().addLayout(form)

    def show_row(self, label: str, shown: bool) -> None:
        """Show or hide a widget with its label."""
        widget = self._rows[label].native
        for each in (widget, self._form.labelForField(widget)):
            each.setVisible(shown)

    def reset_choices(self, *_: Any) -> None:
        """Let every combo box ask for its choices again."""
        for widget in self._rows.values():
            if hasattr(widget, "reset_choices"):
                widget.reset_choices()


class SettingsForm(Form):
    """The fields of a configuration model, below a choice of its presets.

    Parameters
    ----------
    model : type
        One of the models in `config`.

    Attributes
    ----------
    fields : dict
        The widget of each field.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        self._presets = model.presets()
        self.preset = ComboBox(
            choices=[*self._presets, CUSTOM], tooltip="Fills in the settings below; custom: they are none of the others."
        )
        described = model.model_json_schema()["properties"]
        self.fields = {name: _field_widget(value, described[name]) for name, value in dict(model()).items()}
        super().__init__({"preset": self.preset} | {name.replace("_", " "): widget for name, widget in self.fields.items()})
        self.preset.changed.connect(self._on_preset)
        for field in self.fields.values():
            field.changed.connect(self._on_field)

    @property
    def settings(self) -> BaseModel:
        """The configuration as filled in.

        Raises
        ------
        InputError
            If a value cannot be read or is out of range; the message names the field.
        """
        return resolve(self._model, {name: read(widget, name) for name, widget in self.fields.items()})

    def fill(self, settings: BaseModel) -> None:
        """Fill in a configuration."""
        for name, value in dict(settings).items():
            self.fields[name].value = value

    def _on_preset(self, preset: str) -> None:
        if preset in self._presets and not self._is(preset):
            self.fill(self._presets[preset])

    def _on_field(self, *_: Any) -> None:
        """Say which preset the fields are, while they are filled in one by one too."""
        name = next((preset for preset in self._presets if self._is(preset)), CUSTOM)
        with self.preset.changed.blocked():
            self.preset.value = name

    def _is(self, preset: str) -> bool:
        try:
            return self.settings == self._presets[preset]
        except InputError:
            return False  # what cannot be read is no preset


class Fold(Container):
    """Widgets that are out of sight until their title is pressed.

    Parameters
    ----------
    title : str
    content : Widget
    """

    def __init__(self, title: str, content: Widget) -> None:
        self.title, self.content = title, content
        self._button = PushButton()
        super().__init__(widgets=[self._button], labels=False)
        self.margins = (0, 0, 0, 0)
        self._button.changed.connect(self.toggle)
        self.native.layout().addWidget(content.native)
        self.opened = False

    @property
    def opened(self) -> bool:
        """Whether the widgets are in sight."""
        return self._opened

    @opened.setter
    def opened(self, value: bool) -> None:
        self._opened = value
        self.content.native.setVisible(value)
        self._button.text = f"{'▾' if value else '▸'} {self.title}"

    def toggle(self) -> None:
        """Unfold, or fold."""
        self.opened = not self.opened


def read(widget: ValueWidget, name: str) -> Any:
    """The value of a widget in which anything can be typed.

    Raises
    ------
    InputError
        If it is no Python literal; the message names it.
    """
    try:
        return widget.value
    except (ValueError, SyntaxError) as error:
        raise InputError(f"'{name}' cannot be read: {error}") from error


def _field_widget(default: Any, described: dict[str, Any]) -> ValueWidget:
    """The widget for one field of a model, from its part of the JSON schema."""
    common = {"value": default, "tooltip": described["description"]}
    if "enum" in described:
        return ComboBox(choices=described["enum"], **common)
    if described["type"] == "string":
        return LineEdit(**common)
    if described["type"] == "integer":
        least, most = described.get("minimum", 0), described.get("maximum", MOST)
        return SpinBox(min=least, max=most, step=described.get("multipleOf", 1), **common)
    return LiteralEvalLineEdit(**common)  # from 9e-6 to 5, and tuples: no spin box has the digits
