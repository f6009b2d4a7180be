import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { Alerts } from './alerts.service.js';
import { dataDirProvider } from './data-dir.provider.js';
import { Mailer } from './mailer.service.js';
import { RegistrationController } from './registration.controller.js';
import { RegistrationMail } from './registration-mail.service.js';
import { RETRY_DELAY, RetryMail } from './retry-mail.handler.js';
import { UserStore } from './user-store.service.js';

@Module({
  // With the mail server down, a mail needs three seconds to give up: this leaves it room, and a deployment an end.
  imports: [TasksModule.forRoot({ shutdown: { timeout: '20s' } })],
  controllers: [RegistrationController],
  providers: [
    dataDirProvider,
    { provide: RETRY_DELAY, useValue: 1_000 },
    Alerts,
    Mailer,
    RegistrationMail,
    RetryMail,
    UserStore,
  ],
})
export class AppModule {}
