import { Module } from '@nestjs/common';
import { Network, PACE } from './network.js';

@Module({ providers: [{ provide: PACE, useValue: 1 }, Network], exports: [Network] })
export class NetworkModule {}
