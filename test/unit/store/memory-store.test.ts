import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { declared } from '../../contracts/store-tables.ts';
import { storeContract } from '../../contracts/store.ts';

storeContract('memory', () => openMemoryStore(declared));
