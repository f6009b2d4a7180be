import { Module } from '@nestjs/common';
import { ImageStore } from './store.service.js';

@Module({ providers: [ImageStore], exports: [ImageStore] })
export class StoreModule {}
