export { makeTestBundle as default } from './bundle';
