"""Dropout and hidden tokens: what they change, and that a use of the model sees nothing of them."""

import pytest
import torch
from tiny_models import save_encoder
from torch import nn

from evaluation.training.loop import Schedule
from evaluation.training.reader.features import Feature
from evaluation.training.reader.objective import ReaderObjective
from evaluation.training.reader.regularisation import ByteDropout, Hiding, add_dropout, hide_tokens
from rag.models.reader_ranker import reader_ranker_from_encoder
from rag.models.windows import Window

SHARE = 0.25


@pytest.fixture
def model(tmp_path):
    return reader_ranker_from_encoder(save_encoder(tmp_path / "base"))


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    values = torch.ones(101, 997, requires_grad=True)  # not a multiple of eight
    found = ByteDropout(SHARE).train()(values)
    assert (found == 0).double().mean().item() == pytest.approx(SHARE, abs=0.005)
    assert found.double().mean().item() == pytest.approx(1, abs=0.01)
    assert found.unique().tolist() == [0, pytest.approx(1 / (1 - SHARE))]
    found.sum().backward()
    assert torch.equal(values.grad, found.detach())


def test_every_place_is_left_out_as_often():
    torch.manual_seed(0)
    dropout = ByteDropout(SHARE)
    often = sum((dropout(torch.ones(16)) == 0).double() for _ in range(4000)) / 4000
    assert torch.allclose(often, torch.full((16,), SHARE, dtype=torch.double), atol=0.04)


def test_no_share_and_no_training_change_nothing():
    values = torch.rand(50)
    assert ByteDropout(0.0).train()(values) is values
    assert ByteDropout(SHARE).eval()(values) is values
    assert ByteDropout(0.001).dropped == 1  # and not none, silently


def test_an_encoder_drops_in_training_alone_and_keeps_the_names_of_its_weights(model):
    names = list(model.state_dict())
    assert add_dropout(model.encoder, SHARE) > 0
    assert list(model.state_dict()) == names
    assert not any(isinstance(each, nn.Dropout) for each in model.encoder.modules())
    inputs = {"input_ids": torch.arange(5, 25)[None]}
    model.encoder.eval()
    first, second = (model.encoder(**inputs).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)
    model.encoder.train()
    first, second = (model.encoder(**inputs).last_hidden_state for _ in range(2))
    assert not torch.equal(first, second)


def test_hidden_tokens_are_a_share_of_those_that_may_be():
    window = Window(0, (2, *range(10, 1010), 3, 0), (0,) * 1003, 5, ())
    hiding = Hiding(SHARE, 4, frozenset({0, 2, 3}))
    torch.manual_seed(0)
    (found,) = hide_tokens([window], hiding)
    assert (found.ids[0], *found.ids[-2:]) == (2, 3, 0)
    changed = [new for old, new in zip(window.ids, found.ids, strict=True) if old != new]
    assert set(changed) == {4}
    assert len(changed) / 1000 == pytest.approx(SHARE, abs=0.04)
    assert hide_tokens([window], hiding) != [found]  # others the next time
    torch.manual_seed(0)
    assert hide_tokens([window], hiding) == [found]


def test_a_step_sees_hidden_tokens(model):
    window = Window(0, (2, 7, 3, 8, 9, 3), (0, 0, 0, 1, 1, 1), 3, ((0, 1), (1, 2)))
    batch = [Feature(window, 3, 4, 0, 1)]
    model.eval()
    plain = ReaderObjective(batch, Schedule()).loss(model, batch).item()
    every = Hiding(1.0, 4, frozenset({2, 3}))
    hidden = ReaderObjective(batch, Schedule(), every).loss(model, batch).item()
    masked = Window(0, (2, 4, 3, 4, 4, 3), window.types, 3, window.offsets)
    known = [Feature(masked, 3, 4, 0, 1)]
    assert hidden == ReaderObjective(known, Schedule()).loss(model, known).item()
    assert hidden != plain
