// The page that asks people to prove who they are.
import { wireReveal } from './fields.js';

wireReveal();
