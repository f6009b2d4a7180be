import { Catch, ServiceUnavailableException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { TaskPoolFullError } from 'nestjs-tasks';

/** What `schedule()` throws when too many images wait already: the client may try again. */
@Catch(TaskPoolFullError)
export class PoolFullFilter extends BaseExceptionFilter {
  override catch(_error: TaskPoolFullError, host: ArgumentsHost): void {
    // oxlint-disable-next-line promise/valid-params -- it is no promise's catch()
    super.catch(new ServiceUnavailableException('Too many images are being processed. Try again later.'), host);
  }
}
