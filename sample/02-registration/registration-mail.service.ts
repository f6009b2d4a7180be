import { Injectable } from '@nestjs/common';
import { OnTaskError, Shielded } from 'nestjs-tasks';
import { Mailer } from './mailer.service.js';
import { RetryMail } from './retry-mail.handler.js';
import { UserStore, type User } from './user-store.service.js';
import { createToken, hashToken, TOKEN_LIFETIME } from './verification-token.js';

/**
 * The mails of a registration. They take an id and look up the rest when they run, so that a retry sees the user as
 * they are then.
 */
@Injectable()
// Shielded: whoever was told 201 waits for this mail, and nobody sends it after a restart.
@Shielded()
@OnTaskError(RetryMail)
export class RegistrationMail {
  constructor(
    private readonly users: UserStore,
    private readonly mailer: Mailer,
  ) {}

  async sendVerification(userId: string): Promise<void> {
    const { email } = await this.find(userId);
    // Made here, so that it is nowhere but in the mail. Each try has one of its own, and the latest counts.
    const token = createToken(userId);
    const expiresAt = new Date(Date.now() + TOKEN_LIFETIME).toISOString();
    const isExpected = await this.users.expectVerification(userId, { tokenHash: hashToken(token), expiresAt });
    if (!isExpected) return; // verified meanwhile
    await this.mailer.send({ to: email, subject: 'Confirm your address', text: token });
  }

  async sendWelcome(userId: string): Promise<void> {
    const { email } = await this.find(userId);
    await this.mailer.send({ to: email, subject: 'Welcome', text: 'Your address is confirmed.' });
  }

  private async find(userId: string): Promise<User> {
    const user = await this.users.get(userId);
    if (user === undefined) throw new Error(`There is no user ${userId}`);
    return user;
  }
}
