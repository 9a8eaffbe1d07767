"""What TensorRT says, as our errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.edition import Edition, load_edition
from amsr_deploy.runtime.backends.tensorrt.log import MOST, Log, logger_of, start


def test_lack_of_memory_is_found_among_its_consequences() -> None:
    log = Log()
    log.take("Error Code 2: OutOfMemory (Requested size was\n 99 bytes.)", is_error=True)
    log.take("Error Code 1: the run failed", is_error=True)
    error = log.failure("a.engine")
    assert isinstance(error, OutOfMemoryError)
    assert str(error) == "a.engine: Error Code 2: OutOfMemory (Requested size was 99 bytes.)"


def test_other_failures_and_silence() -> None:
    log = Log()
    log.take("it is out of memory", is_error=False)  # a warning only
    assert type(log.failure("a.engine")) is BackendError
    log.take("Error Code 1: the first", is_error=True)
    log.take("Error Code 1: the second", is_error=True)
    assert str(log.failure("a.engine")) == "a.engine: Error Code 1: the first"
    log.clear()
    assert str(log.failure("a.engine")) == "a.engine: it does not say why"


def test_threads_keep_their_messages_apart() -> None:
    log = Log()
    log.take("Error Code 2: OutOfMemory", is_error=True)
    log.take("careful", is_error=False)

    def other() -> BackendError:
        log.clear()
        log.take("Error Code 1: the run failed", is_error=True)
        return log.failure("b.engine")

    with ThreadPoolExecutor(1) as thread:
        error = thread.submit(other).result()
    assert (type(error), str(error)) == (BackendError, "b.engine: Error Code 1: the run failed")
    assert list(log.warnings) == ["careful"]
    assert isinstance(log.failure("a.engine"), OutOfMemoryError)


@pytest.mark.parametrize("is_error", [False, True])
def test_no_more_than_the_last_messages_are_kept(is_error: bool) -> None:
    log = Log()
    for number in range(3 * MOST):
        log.take(str(number), is_error)
    assert list(log.errors if is_error else log.warnings) == [str(number) for number in range(2 * MOST, 3 * MOST)]


def test_a_process_has_one_logger_that_keeps_what_is_said() -> None:
    trt = load_edition("tensorrt-rtx").trt
    logger, log = logger_of(trt)
    assert logger_of(trt) == (logger, log)
    log.clear()
    logger.log(trt.ILogger.WARNING, "careful")
    logger.log(trt.ILogger.INFO, "by the way")
    logger.log(trt.ILogger.ERROR, "no")
    assert (list(log.warnings), list(log.errors)) == (["careful"], ["no"])
    log.clear()


class TestStart:
    """Builders and runtimes, on a driver that is older than TensorRT's CUDA."""

    edition = Edition("tensorrt", ModuleType("tensorrt"))
    vars(edition.trt).update(__version__="10.3.0", ILogger=load_edition("tensorrt-rtx").trt.ILogger)
    cause = "CUDA initialization failure with error: 35"

    @pytest.mark.parametrize("severity", ["WARNING", "ERROR"])
    def test_null_pointers(self, severity: str) -> None:
        def make(logger: Any) -> None:
            logger.log(getattr(self.edition.trt.ILogger, severity), self.cause)
            raise TypeError("pybind11::init(): factory function returned nullptr")

        with pytest.raises(BackendError, match=rf"tensorrt 10\.3\.0 does not start: {self.cause}; .*driver"):
            start(self.edition, make)

    def test_objects_that_must_not_be_used_nor_freed(self) -> None:
        freed = []

        class Runtime:
            def __init__(self, logger: Any) -> None:
                logger.log(logger.ERROR, TestStart.cause)

            def __del__(self) -> None:
                freed.append(self)

        with pytest.raises(BackendError, match=rf"tensorrt 10\.3\.0 does not start: {self.cause}; .*driver"):
            start(self.edition, Runtime)
        assert not freed

    def test_warnings_do_no_harm(self) -> None:
        def make(logger: Any) -> str:
            logger.log(logger.WARNING, "careful")
            return "a runtime"

        runtime, log = start(self.edition, make)
        assert (runtime, list(log.warnings)) == ("a runtime", ["careful"])
