import { Type, type Static } from '@sinclair/typebox'
import { operation } from '../operation.ts'

const open = { service: 'gateway', method: 'GET', auth: 'none', limit: 'none' } as const
const headers = { 'cache-control': 'public, max-age=900' }
const Url = Type.String({ format: 'uri' })

/** RFC 8414, as far as it is true of us: there is no authorization endpoint and no OAuth client. */
export const IssuerMetadataSchema = Type.Object({
  issuer: Url,
  jwks_uri: Url,
  introspection_endpoint: Url,
  introspection_endpoint_auth_methods_supported: Type.Array(Type.String(), { description: 'A token of the asker' }),
  scopes_supported: Type.Array(Type.String()),
  response_types_supported: Type.Array(Type.String(), { description: 'None: nobody authorizes clients here' }),
  grant_types_supported: Type.Array(Type.String(), { description: 'None: tokens come from a login or an API key' }),
  subject_types_supported: Type.Array(Type.String()),
  claims_supported: Type.Array(Type.String()),
  service_documentation: Url
}, { title: 'IssuerMetadata' })
export type IssuerMetadata = Static<typeof IssuerMetadataSchema>

/** RFC 9728. */
export const ResourceMetadataSchema = Type.Object({
  resource: Url,
  authorization_servers: Type.Array(Url),
  scopes_supported: Type.Array(Type.String()),
  bearer_methods_supported: Type.Array(Type.String()),
  resource_name: Type.String(),
  resource_documentation: Url
}, { title: 'ResourceMetadata' })
export type ResourceMetadata = Static<typeof ResourceMetadataSchema>

export const getIssuerMetadata = operation({
  ...open,
  id: 'getIssuerMetadata',
  url: '/.well-known/openid-configuration',
  summary: 'What verifiers of access tokens need to know (RFC 8414)',
  responses: { 200: { description: 'Issuer metadata', schema: IssuerMetadataSchema, headers } }
})

export const getResourceMetadata = operation({
  ...open,
  id: 'getResourceMetadata',
  url: '/.well-known/oauth-protected-resource',
  summary: 'Who issues tokens for this API, and which scopes there are (RFC 9728)',
  responses: { 200: { description: 'Protected resource metadata', schema: ResourceMetadataSchema, headers } }
})

export const discoveryOperations = [getIssuerMetadata, getResourceMetadata]
