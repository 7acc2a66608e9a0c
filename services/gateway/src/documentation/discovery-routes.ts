import { introspectToken } from '@gatepost/contracts/auth/introspection'
import { AccessTokenClaimsSchema } from '@gatepost/contracts/auth/schemas'
import { getJwks } from '@gatepost/contracts/auth/session-operations'
import {
  getIssuerMetadata,
  getResourceMetadata,
  type IssuerMetadata,
  type ResourceMetadata
} from '@gatepost/contracts/gateway/discovery-operations'
import { getDocs } from '@gatepost/contracts/gateway/operations'
import { API } from '@gatepost/contracts/openapi'
import { SCOPES } from '@gatepost/contracts/scope'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'

/** Metadata by which libraries find the keys of access tokens, and clients the scopes. */
export function discoveryRoutes (app: App, { publicUrl }: { publicUrl: string }) {
  const at = ({ url }: { url: string }) => `${publicUrl}${url}`
  const issuer: IssuerMetadata = {
    issuer: publicUrl,
    jwks_uri: at(getJwks),
    introspection_endpoint: at(introspectToken),
    introspection_endpoint_auth_methods_supported: ['Bearer'],
    scopes_supported: [...SCOPES],
    response_types_supported: [],
    grant_types_supported: [],
    subject_types_supported: ['public'],
    claims_supported: Object.keys(AccessTokenClaimsSchema.properties),
    service_documentation: at(getDocs)
  }
  const resource: ResourceMetadata = {
    resource: publicUrl,
    authorization_servers: [publicUrl],
    scopes_supported: [...SCOPES],
    bearer_methods_supported: ['header'],
    resource_name: API.name,
    resource_documentation: at(getDocs)
  }
  app.route({
    ...routeOf(getIssuerMetadata),
    handler (_request, reply) {
      reply.headers(getIssuerMetadata.responses[200].headers)
      return issuer
    }
  })
  app.route({
    ...routeOf(getResourceMetadata),
    handler (_request, reply) {
      reply.headers(getResourceMetadata.responses[200].headers)
      return resource
    }
  })
}
