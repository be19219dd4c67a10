// The page for adding a camera.
import { wireCodes } from './fields.js';

wireCodes();
