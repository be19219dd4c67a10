// The log-in page.
import { wireReveal } from './fields.js';

wireReveal();
