/** The process of the floor: does one piece of work for each message, and ends with the process that started it. */
import { answerParent } from './helper-child';
import { doFloorWork } from './floor-work';

answerParent(doFloorWork);
