import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { declared, storeContract } from '../../contracts/store.ts';

storeContract('memory', () => openMemoryStore(declared));
