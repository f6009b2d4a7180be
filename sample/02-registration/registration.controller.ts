import { randomUUID } from 'node:crypto';
import { BadRequestException, Body, ConflictException, Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { TasksService } from 'nestjs-tasks';
import { CredentialsPipe, type Credentials } from './credentials.pipe.js';
import { hashPassword } from './password-hash.js';
import { RegistrationMail } from './registration-mail.service.js';
import { UserStore } from './user-store.service.js';
import { VerificationTokenPipe } from './verification-token.pipe.js';
import { hashToken } from './verification-token.js';

@Controller()
export class RegistrationController {
  constructor(
    // Belongs to the request, and so makes this controller request-scoped: simple, and cheap enough where each request
    // hashes a password or writes a file anyway. @Tasks() is the way for a busy route.
    private readonly tasks: TasksService,
    private readonly users: UserStore,
    private readonly mail: RegistrationMail,
  ) {}

  @Post('register')
  async register(@Body(CredentialsPipe) { email, password }: Credentials): Promise<{ id: string }> {
    const id = randomUUID();
    const passwordHash = await hashPassword(password);
    const isAdded = await this.users.add({ id, email, passwordHash, status: 'pending' });
    if (!isAdded) throw new ConflictException('This address is registered');
    // Named by id: task names are logged, and an address is nobody's business there.
    this.tasks.afterResponse.task({ name: `verification_mail_${id}` }).schedule(this.mail.sendVerification, id);
    return { id };
  }

  @Post('verify')
  @HttpCode(HttpStatus.OK)
  async verify(@Body(VerificationTokenPipe) token: string): Promise<{ id: string }> {
    const [id = ''] = token.split('.');
    // Before the check, to show that it may be: what throws below discards the request's tasks.
    this.tasks.afterResponse.task({ name: `welcome_mail_${id}` }).schedule(this.mail.sendWelcome, id);
    if (!(await this.users.verify(id, hashToken(token)))) throw new BadRequestException('This token is not valid');
    return { id };
  }
}
