"""What TensorRT says, as our errors."""

from __future__ import annotations

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.edition import load_edition
from amsr_deploy.runtime.backends.tensorrt.log import Log, logger_of


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


def test_a_process_has_one_logger_that_keeps_what_is_said() -> None:
    trt = load_edition("tensorrt-rtx").trt
    logger, log = logger_of(trt)
    assert logger_of(trt) == (logger, log)
    log.clear()
    logger.log(trt.ILogger.WARNING, "careful")
    logger.log(trt.ILogger.INFO, "by the way")
    logger.log(trt.ILogger.ERROR, "no")
    assert (log.warnings, log.errors) == (["careful"], ["no"])
    log.clear()
