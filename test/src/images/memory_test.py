"""Memory of batches is used again as soon as nobody can see it, and never before."""

import torch

from src.images.reused_memory import ReusedMemory

SHAPE = (4, 3, 8, 8)


def test_memory_that_nobody_holds_is_used_again() -> None:
    memory = ReusedMemory()
    tensor = memory.empty(SHAPE, torch.float32)
    place = tensor.data_ptr()
    del tensor
    assert memory.empty(SHAPE, torch.float32).data_ptr() == place
    assert memory.empty((2, 3), torch.uint8).data_ptr() == place


def test_a_loop_that_holds_the_last_batch_takes_turns_between_two_pieces() -> None:
    memory, places = ReusedMemory(), set()
    for _ in range(6):
        batch = memory.empty(SHAPE, torch.float32)
        places.add(batch.data_ptr())
    assert len(places) == 2


def test_tensors_that_are_held_keep_their_memory() -> None:
    memory = ReusedMemory()
    held = [memory.empty(SHAPE, torch.float32).fill_(number) for number in range(5)]
    assert [tensor.unique().tolist() for tensor in held] == [[number] for number in range(5)]


def test_a_view_keeps_the_memory() -> None:
    memory = ReusedMemory()
    view = memory.empty(SHAPE, torch.float32).fill_(1)[2, 1:, :, 3]
    array = memory.empty(SHAPE, torch.float32).fill_(2).numpy()[0]
    for _ in range(3):
        memory.empty(SHAPE, torch.float32).fill_(9)
    assert (view.unique().tolist(), set(array.flatten())) == ([1], {2})


def test_what_autograd_saves_keeps_the_memory() -> None:
    memory = ReusedMemory()
    weight = torch.ones(SHAPE, requires_grad=True)
    loss = (weight * memory.empty(SHAPE, torch.float32).fill_(3)).sum()
    for _ in range(3):
        memory.empty(SHAPE, torch.float32).fill_(9)
    loss.backward()
    assert weight.grad is not None and weight.grad.unique().tolist() == [3]


def test_a_larger_batch_gets_more_memory_and_an_empty_one_none() -> None:
    memory = ReusedMemory()
    for count in (1, 50, 0, 3):
        assert memory.empty((count, 3), torch.float64).shape == (count, 3)
    assert memory.empty(SHAPE, torch.float32).data_ptr() % 64 == 0
