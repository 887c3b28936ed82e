from __future__ import annotations

import pytest
from magicgui.widgets import ComboBox, SpinBox

import napari_kernelgan as kg
from napari_kernelgan.plugin.forms import Fold, SettingsForm

MODELS = [kg.KernelGANConfig, kg.ZSSRConfig]

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.parametrize("model", MODELS)
def test_a_form_untouched_gives_the_defaults(model: type) -> None:
    assert SettingsForm(model).settings == model()


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_there_with_its_explanation(model: type) -> None:
    fields = SettingsForm(model).fields
    assert {name: widget.tooltip for name, widget in fields.items()} == {name: f.description for name, f in model.model_fields.items()}


def test_limits_and_choices_are_the_models() -> None:
    fields = SettingsForm(kg.KernelGANConfig).fields
    assert isinstance(fields["crops_per_step"], SpinBox)
    assert (fields["crops_per_step"].min, fields["crops_per_step"].max, fields["crop"].step) == (1, 64, 2)
    assert isinstance(fields["postprocess"], ComboBox)
    assert fields["postprocess"].choices == ("tails", "published")


def test_presets_fill_the_form() -> None:
    form = SettingsForm(kg.ZSSRConfig)
    assert form.preset.choices == ("default", "published", "noisy", "custom")
    form.preset.value = "noisy"
    assert form.settings == kg.ZSSRConfig.noisy()
    form.preset.value = "default"
    assert form.settings == kg.ZSSRConfig()


def test_the_preset_tells_what_is_filled_in() -> None:
    form = SettingsForm(kg.ZSSRConfig)
    form.fields["max_steps"].value = 7
    assert form.preset.value == "custom"
    form.fill(kg.ZSSRConfig.published())
    assert form.preset.value == "published"
    form.fields["learning_rate"].value = "(("
    assert form.preset.value == "custom"
    form.fields["learning_rate"].value = 1e-3
    assert form.preset.value == "published"
    form.preset.value = "custom"
    assert form.settings == kg.ZSSRConfig.published()


@pytest.mark.parametrize(("text", "says"), [("(0.5,", "'betas' cannot be read"), ("(0.5, 'x')", "betas.1")])
def test_what_cannot_be_used_is_named(text: str, says: str) -> None:
    form = SettingsForm(kg.KernelGANConfig)
    form.fields["betas"].value = text
    with pytest.raises(kg.InputError, match=says):
        form.settings  # noqa: B018


def test_a_fold_opens_and_closes() -> None:
    form = SettingsForm(kg.ZSSRConfig)
    fold = Fold("More", form)
    hidden = [form.native.isVisibleTo(fold.native)]
    for _ in range(2):
        fold.toggle()
        hidden.append(form.native.isVisibleTo(fold.native))
    assert hidden == [False, True, False]
